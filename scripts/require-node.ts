/** What package.json asks for in `engines`. */
const wantedNodeMajor = 24;

/** Ends the process with one clear line when this Node is older than the repository's tools need. */
export function requireNode(version: string = process.versions.node): void {
  if (Number.parseInt(version, 10) >= wantedNodeMajor) return;
  console.error(
    `This is Node ${version}, and Node ${wantedNodeMajor} or newer is needed: ` +
      'start this by `npm run`, which uses the Node that `npm ci` installs here.',
  );
  process.exit(1);
}
