"""Words that name the columns of tables, or the fields of forms. Pure."""

from __future__ import annotations

# What the second of two columns of words is named, and no value of a form is.
KINDS = frozenset((
    "abbreviation", "action", "address", "answer", "author", "capital", "category", "city", "class",
    "colour", "color", "comment", "contact", "country", "date", "definition", "department",
    "description", "e-mail", "email", "explanation", "function", "holder", "location", "manager",
    "meaning", "name", "note", "notes", "owner", "person", "phone", "place", "purpose", "reason",
    "remark", "remarks", "remedy", "responsible", "role", "room", "solution", "status", "supplier",
    "team", "telephone", "title", "type", "unit", "value",
    "abteilung", "adresse", "anschrift", "ansprechpartner", "art", "aufgabe", "bedeutung",
    "bemerkung", "beschreibung", "datum", "einheit", "erklärung", "farbe", "funktion", "grund",
    "hauptstadt", "inhaber", "kontakt", "land", "lieferant", "lösung", "ort", "raum", "stadt",
    "telefon", "typ", "verantwortlich", "wert", "zuständig", "zweck",
))  # fmt: skip

# Labels that forms have and columns seldom do.
LABELS = frozenset((
    "account", "account no.", "age", "amount", "amount due", "approved by", "bank", "bic",
    "bill to", "birthday", "born", "clerk", "client", "company", "currency", "customer",
    "customer no.", "date of birth", "delivery", "delivery date", "due", "due date", "duration",
    "employer", "end", "expires", "fax", "first name", "from", "gender", "height", "iban",
    "invoice", "invoice date", "invoice no.", "invoice number", "issued", "last name", "length",
    "mobile", "model", "nationality", "no.", "number", "order", "order date", "order no.",
    "order number", "payment", "period", "postcode", "prepared by", "price", "project", "quantity",
    "ref", "reference", "serial no.", "serial number", "ship to", "signature", "size", "start",
    "street", "subject", "subtotal", "surname", "tax", "terms", "to", "total", "valid until", "vat",
    "version", "website", "weight", "width", "zip",
    "alter", "auftrag", "auftragsnummer", "bearbeiter", "beginn", "bestellung", "betrag",
    "betreff", "bis", "breite", "dauer", "ende", "fällig", "firma", "geburtsdatum", "gesamt",
    "geschlecht", "gewicht", "größe", "gültig bis", "höhe", "konto", "kunde", "kundennummer",
    "länge", "lieferung", "menge", "modell", "nachname", "nummer", "plz", "preis", "projekt",
    "rechnung", "rechnungsdatum", "rechnungsnummer", "seriennummer", "straße", "summe", "von",
    "vorname", "währung", "zahlungsziel",
    "adresse", "commande", "facture", "montant", "nom", "objet", "prénom", "téléphone", "ville",
    "asunto", "cliente", "dirección", "factura", "fecha", "importe", "nombre", "pedido", "teléfono",
))  # fmt: skip
