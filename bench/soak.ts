// Everything that is soaked, one after the other: `npm run soak`.

await import('./soak-simulator.ts');
await import('./soak-relay.ts');
