"""
Markdown that tries to link, load or break out, in several dialects. None may succeed on a page.

Nobody listens at 203.0.113.9, an address for documentation. /logout is a page of Attune.
"""

from __future__ import annotations

FAR = "//203.0.113.9"

FORMS = [
    # Brackets in brackets, and escapes that leave one over
    "![n[e]st](/logout)", f"![n[e]st]({FAR}/x.png)", f"[out[s]ide]({FAR})", "[[in]](/logout)",
    "[a [b [c]]](/logout)", "![![in](/a.png)](/logout)", "[![in](/a.png)](/logout)",
    r"\\[a](/logout)", r"\[a](/logout)", r"[a\](/logout)", r"[a\]](/logout)", r"[a]\(/logout)",
    r"!\[a](/logout)", r"\![a](/logout)", r"\!\[a](/logout)", r"[a](\/logout)", "[a](/log\\out)",
    # Spaces, titles, angle brackets and line ends inside
    "[a](</logout>)", "[a]( /logout )", '[a](/logout "t")', "[a](/logout 't')", "[a](/logout (t))",
    '[a](/logout "t" onclick=x)', "[a](\n/logout\n)", "[a\nb](/logout)", "![a\nb](/logout)",
    '![a](/x.png "onerror=1")', "[](/logout)", "![](/logout)", "[a]()", "[a](<>)", "[a](#)",
    "[a](?logout)", "[a](logout)", "[a](a(b)c)", "[a](a(b(c)d)e)", "[a](%2Flogout)",
    "[a](/log&#111;ut)", "[a](/log&Tab;out)", "[a](&sol;logout)", "[a] (/logout)", "[a]\t(/logout)",
    # References, wherever a definition may be
    f"[r]\n\n[r]: {FAR}", f"![r]\n\n[r]: {FAR}/x.png", f"- [r]: {FAR}\n- ![r]\n- [r]",
    f"> [r]: {FAR}\n\n![r][]", f"[r]: <{FAR}>\n[r]", f"[r]:\n{FAR}\n\n[r]", "[R]: /logout\n\n[a][r]",
    f"1. [r]: {FAR}\n2. [a] [r]", f"| [r] |\n| --- |\n| x |\n\n[r]: {FAR}", f"[^1]\n\n[^1]: {FAR}",
    f"[1]: {FAR}\n\n[1] and [a][1]", f"*[r]: {FAR}\n[r]", f"  [r]: {FAR} 'title\nover lines'\n\n[r]",
    # Bare addresses and automatic links
    f"<http:{FAR}>", "<javascript:alert(1)>", "<a@example.com>", "www.example.com", "a@example.com",
    f"http:{FAR}/x.png", "mailto:a@example.com", "xmpp:a@example.com/b", "ftp://example.com",
    "<//203.0.113.9>", "</logout>", "https://example.com/a_(b)?c=[d]",
    # Schemes
    "[a](javascript:alert(1))", "[a](JAVASCRIPT:alert(1))", "[a](java\nscript:alert(1))",
    "[a](javascript&#58;alert(1))", "[a](&#x6A;avascript:alert(1))", "[a](vbscript:x)",
    "[a](data:text/html,<script>alert(1)</script>)", "![a](data:image/svg+xml,<svg onload=x>)",
    "[a](\x01javascript:alert(1))", "[a](blob:x)", "[a](file:///etc/passwd)",
    # In tables, lists, headings, emphasis, code that can be broken out of
    "| [a](/logout) | ![b](/x.png) |\n| --- | --- |\n| [c](/logout) | <img src=/x.png> |",
    "# [a](/logout)", "[a](/logout)\n===", "![a](/x.png)\n---", "- ![a](/x.png)\n  - [b](/logout)",
    "> [a](/logout)", "**[a](/logout)**", "_![a](/x.png)_", "~~[a](/logout)~~", "[**a**](/logout)",
    "[`a`](/logout)", "`[a](/logout)", "``[a](/logout)`", "`a` [b](/logout) `c`", "[a`](/logout)`",
    "```\n```\n![a](/x.png)", "~~~\n```\n~~~\n![a](/x.png)", "```` x\n```\n````\n[a](/logout)",
    "    [a](/logout)\n\n[b](/logout)", "```<img src=/x.png>\n[a](/logout)", "``` \"onload=x\nb\n```",
    "```mermaid\ngraph TD; A-->B; click A \"/logout\"\n```", "<div class=mermaid>graph TD; A</div>",
    "- [ ] [a](/logout)\n- [x] b", "a  \n![b](/x.png)", "***\n[a](/logout)\n***",
    # HTML, whole and in pieces
    "<img src=/x.png>", "<img\nsrc=/x.png>", "<a href=/logout>a</a>", "<A HREF='/logout'>a</A>",
    "<svg><a xlink:href=/logout><text>a</text></a></svg>", "<math href=/logout>a</math>",
    "</p><img src=/x.png><p>", "</code></pre><img src=/x.png>", "</mark></div><img src=/x.png>",
    "<!-- <img src=/x.png> -->", "<![CDATA[<img src=/x.png>]]>", "<?x <img src=/x.png> ?>",
    "<!x <img src=/x.png> >", "<style>*{background:url(/x.png)}</style>", "<base href=/logout>",
    "<meta http-equiv=refresh content='0;url=/logout'>", "<link rel=stylesheet href=/x.css>",
    "<p style='background:url(/x.png)'>a</p>", "<input type=image src=/x.png>", "<br onload=x>",
    "<br/onload=x>", "<BR ><img src=/x.png>", "< img src=/x.png>", "<img/src=/x.png>", "<img src=/x",
    '" onmouseover="x" "', "' onmouseover='x' '", "&lt;img src=/x.png&gt;", "&#60;img src=/x.png&#62;",
    "&amp;lt;img src=/x.png&amp;gt;", "&#91;a&#93;(/logout)", "&lbrack;a&rbrack;&lpar;/logout&rpar;",
    "&excl;&#91;a&#93;&#40;/x.png&#41;", "&#33;[a](/x.png)", "&#x5b;a](/logout)", "&NewLine;[a](/logout)",
    # Signs that look alike, line ends of other kinds, and letters that turn the line
    "［a］（/logout）", "!［a](/x.png)", "[a]﹙/logout﹚", "＜img src=/x.png＞", "[a\u2028](/logout)",
    "[a]\u2028(/logout)", "\u2028[a](/logout)", "\u2029![a](/x.png)", "\x85[a](/logout)",
    "\x0b[a](/logout)", "\x0c![a](/x.png)", "a\r[b](/logout)", "a\r\n\r\n![b](/x.png)",
    "\u202e)tuogol/(]a[", "\u2066[a](/logout)\u2069", "[\u200ba](/logout)", "[a]\u200b(/logout)",
    "\ufeff[a](/logout)", "[a\x00](/logout)", "!\x00[a](/x.png)", "[a](\ud800/logout)",
    # What Gradio puts round things, and what it looks for
    "%%%LATEX_BLOCK_0%%%", "$$\\href{/logout}{a}$$", "$\\includegraphics{/x.png}$",
    "\\(\\href{/logout}{a}\\)", "\\[\\url{/logout}\\]", "<thinking>![a](/x.png)</thinking>",
    "[\\[1\\]](#source-7-1) [\\[1\\]](/logout)", "[1](/logout)", "![1](/x.png)", "[1][2](/logout)",
    "[a](#source-1-1)", "[1]: #source-1-1 '/logout'",
]  # fmt: skip
