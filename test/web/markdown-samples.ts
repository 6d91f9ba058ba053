// Texts with everything a page has to render, and the turns that streaming it makes hard.

export const samples: Readonly<Record<string, string>> = {
  everything: `# A mill

A **bold** and *slanted* ***both*** ~~gone~~ \`code\` [link](https://example.com/a?b=1&c=2 "title").

## Steps

1. First
2. Second
   - nested *one*
   - nested two

     with a paragraph
3. Third

> A quote
> that goes on
>
> > and another inside

| wheel | fall | note |
| :---- | ---: | :--: |
| over  |    4 | \`x | y\` |
| under |  0.5 | a<br>b |

\`\`\`ts
const x = \`\${1}\`;

// \`\` not the end
\`\`\`

- [x] done
- [ ] open 🎡

Setext
------

![a mill](https://example.com/mill.png) &copy; &amp;amp; 5 < 7
---
The end\\
really.
`,
  references: `Read [the book][1] and [the other] and [none].

[1]: https://example.com/book "A book"

More of [the book][1].

[the other]: <https://example.com/other>
[1]: https://example.com/ignored
`,
  fences: '~~~~md\n```\ninner\n```\n~~~~\nafter\n\n```\nopen to the end\n``\n',
  indentedFence: '- item\n\n  ```js\n  code\n  ```\n\n- next\n\n   ```\n   a\n  b\n   ```\n',
  html: '<details>\n<summary>x</summary>\n\n**bold**\n\n</details>\n\n<!-- a comment\n\nover lines -->\n\ntext\n',
  lineEnds: 'a\r\nb\r\n\r\n- c\r\n- d\r\r# e\r\n',
  lists: '1. a\n\n2. b\n10) c\n\n- d\n\n- e\n\n\n- f\ntext\n- g\n---\n- h\n* i\n',
  tables: 'text\n| a | b |\n| - | - |\n| 1 |\n\n| no table\n\n|a|\n|-|\n',
  unclosed: 'Some **bold and *slanted and `code and [a link](https://example.com/very/lo',
  blank: '\n\n  \n\ntext\n\n\n',
  empty: '',
};
