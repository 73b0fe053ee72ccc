"""A website is followed through change and faults, and only where it may be."""

from __future__ import annotations

import base64
from dataclasses import replace

import psycopg
import pytest

from app.sealing.secrets import KEY_FILE
from pipelines.errors import AccessError, InputError, NotReadyError
from tests.site import Reply
from tests.syncing import counts, follow, titles


def test_a_website_is_followed_through_change(services, site):
    report = follow(services, site.url + "/docs/", deletes=True)
    assert counts(report) == {"added": 4, "failed": 1}
    assert titles(services, "indexed") == [
        "/docs/",
        "/docs/a.html",
        "/docs/b.html",
        "/docs/deep/d.html",
    ]
    assert "/other/" not in site.paths()

    site.asked.clear()
    assert counts(follow(services, site.url + "/docs/")) == {"unchanged": 4, "failed": 1}
    assert "/docs/a.html" in site.paths(304)

    site.page("/docs/b.html", "The lamp is red now.")
    site.page("/docs/a.html", "Ships leave the harbour at noon.", "e.html")
    site.page("/docs/e.html", "A new page.")
    del site.pages["/docs/deep/d.html"]
    report = follow(services, site.url + "/docs/")
    assert counts(report) == {"added": 1, "changed": 2, "deleted": 1, "unchanged": 1, "failed": 1}
    assert [x.key for x in report.lines if x.what == "deleted"] == [site.url + "/docs/deep/d.html"]


def test_pages_that_fail_for_a_while_are_kept(services, site):
    follow(services, site.url + "/docs/", deletes=True)
    site.pages["/docs/a.html"] = Reply(status=500)
    report = follow(services, site.url + "/docs/", confirmed=True)
    assert counts(report) == {"unchanged": 3, "failed": 2}
    assert "/docs/a.html" in titles(services)
    assert "/docs/deep/d.html" in titles(services)


def test_pages_without_an_etag_are_known_by_their_content(services, site):
    for reply in site.pages.values():
        reply.has_etag = False
    follow(services, site.url + "/docs/")
    assert counts(follow(services, site.url + "/docs/")) == {"unchanged": 4, "failed": 1}


def test_robots_txt_is_obeyed(services, site):
    text = "User-agent: *\nDisallow: /docs/*.pdf$\nDisallow: /docs/deep/\n"
    site.pages["/robots.txt"] = Reply(text.encode(), "text/plain")
    report = follow(services, site.url + "/docs/")
    assert counts(report) == {"added": 3, "skipped": 2}
    assert not {"/docs/c.pdf", "/docs/deep/d.html"} & set(site.paths())

    site.pages["/robots.txt"] = Reply(status=500)
    with pytest.raises(NotReadyError, match=r"robots\.txt"):
        follow(services, site.url + "/docs/")
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /\n", "text/plain")
    with pytest.raises(NotReadyError, match="does not allow"):
        follow(services, site.url + "/docs/")
    assert len(titles(services)) == 3


def test_a_sitemap_lists_the_pages(services, site):
    places = "".join(
        f"<url><loc>{site.url}{path}</loc></url>" for path in ("/docs/b.html", "/other/")
    )
    foreign = "<url><loc>https://elsewhere.example.org/</loc></url>"
    text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}{foreign}</urlset>'
    site.pages["/map.xml"] = Reply(text.encode(), "application/xml")
    assert counts(follow(services, site.url + "/map.xml")) == {"added": 2}
    assert titles(services) == ["/docs/b.html", "/other/"]


def test_pages_that_only_the_sitemap_of_the_site_names_are_read(services, site):
    site.page("/docs/alone.html", "Nothing links here.")
    text = f"<urlset><url><loc>{site.url}/docs/alone.html</loc></url></urlset>"
    site.pages["/sitemap.xml"] = Reply(text.encode(), "application/xml")
    follow(services, site.url + "/docs/")
    assert "/docs/alone.html" in titles(services)


def test_bounds_end_a_reading_and_delete_nothing(dsn, services, site, tiny_model, tmp_path):
    follow(services, site.url + "/docs/", deletes=True)
    settings = services.settings.model_copy(update={"source_pages": 2})
    report = follow(replace(services, settings=settings), site.url + "/docs/", confirmed=True)
    assert report.counts["deleted"] == 0
    assert "2 pages are read (ATTUNE_SOURCE_PAGES)" in report.sentence
    assert len(titles(services, "indexed")) == 4


def test_redirects_lead_only_where_the_guard_allows(services, site):
    site.pages["/docs/b.html"] = Reply(
        status=302, location="http://169.254.169.254/latest/meta-data/"
    )
    site.pages["/docs/a.html"] = Reply(status=302, location="file:///etc/passwd")
    report = follow(services, site.url + "/docs/")
    skipped = {x.key.rpartition("/")[2]: x.detail for x in report.lines if x.what == "skipped"}
    assert "leads elsewhere" in skipped["b.html"]
    assert "no address of a page" in skipped["a.html"]
    site.pages["/docs/"] = Reply(status=302, location="http://169.254.169.254/")
    with pytest.raises(AccessError, match=r"169\.254\.169\.254"):
        follow(services, site.url + "/docs/")


def test_a_private_address_is_refused_unless_allowed(services, site):
    settings = services.settings.model_copy(update={"source_networks": ""})
    with pytest.raises(AccessError, match="ATTUNE_SOURCE_NETWORKS=127"):
        follow(replace(services, settings=settings), site.url + "/docs/")
    assert site.asked == []


def test_a_password_is_kept_encrypted_and_sent_only_where_it_belongs(services, site, dsn):
    address = site.url.replace("http://", "http://ada:s3cr3t@") + "/docs/"
    site.page("/docs/a.html", "Ships.", "https://elsewhere.example.org/")
    follow(services, address)
    sent = {headers.get("authorization") for headers in site.headers}
    assert sent == {"Basic " + base64.b64encode(b"ada:s3cr3t").decode()}
    with psycopg.connect(dsn, autocommit=True) as conn:
        stored = conn.execute("select s::text, encode(secret, 'escape') from source s").fetchone()
    assert stored is not None
    assert not any("s3cr3t" in text for text in stored)
    key = services.settings.home / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_text("another")
    with pytest.raises(InputError, match="ATTUNE_SOURCE_KEY"):
        follow(services, site.url + "/docs/")
    follow(services, address)  # given again
