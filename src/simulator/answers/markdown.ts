// An answer with everything a page has to render.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';

export function markdown(): readonly AnswerPart[] {
  return [textPart(sample)];
}

const sample = `# A water mill in one page

A **water mill** turns the *fall* of a stream into work. The channel that brings the water is the \
[millrace](https://en.wikipedia.org/wiki/Mill_race); what is too much goes over the weir, and ***nothing*** is lost \
on the way. This page is only a sample: it has ~~some~~ most of what markdown can do.

## How it runs

1. The sluice opens and the race fills.
2. Water strikes the wheel:
   - *undershot*, where it passes below;
   - *overshot*, where it falls from above;
   - *breastshot*, somewhere between.
3. The wheel turns the shaft, the shaft turns the stones.

> The miller does not make the water run.
> He only decides where it goes.

## What it yields

| wheel      | fall (m) | efficiency | note                     |
| :--------- | -------: | :--------: | ------------------------ |
| undershot  |      0.5 |    25 %    | simple, for flat country |
| breastshot |        2 |    60 %    | the usual compromise     |
| overshot   |        4 |    85 %    | needs a hill             |

### In TypeScript

The power at the shaft is \`density × gravity × flow × fall × efficiency\`:

\`\`\`ts
interface Wheel {
  readonly fallMetres: number;
  readonly efficiency: number;
}

/** Power at the shaft in kilowatts. */
function shaftPower({ fallMetres, efficiency }: Wheel, flowCubicMetresPerSecond: number): number {
  const weight = 9.81 * flowCubicMetresPerSecond;
  return weight * fallMetres * efficiency;
}

console.log(shaftPower({ fallMetres: 4, efficiency: 0.85 }, 0.3).toFixed(1)); // 10.0
\`\`\`

### From the shell

\`\`\`sh
curl -s http://127.0.0.1:4010/v1/models | head -c 200
\`\`\`

## Before you open the sluice

- [x] grease the bearing
- [x] clear the rack of leaves 🍂
- [ ] ask the neighbour downstream — *Grüß Gott*, こんにちは, привет

---

Some characters are only themselves: \\*not emphasis\\*, \`<b>not bold</b>\`, 5 < 7 & 7 > 5, and a wheel 🎡 beside a \
family 👩‍👩‍👧. More in the [handbook](https://example.com/mills?wheel=overshot&fall=4 "An example").
`;
