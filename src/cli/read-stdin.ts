// What is piped into the program.

/** How long a pipe may stay silent at first, in milliseconds, before it counts as nobody's: programs that start this
 * one often leave theirs open and never write to it. */
const firstByteMs = 1_000;

/**
 * All of standard input; empty on a terminal. With `isOptional`, undefined when the pipe has neither data nor an end
 * within a second.
 */
export async function readStdin({ isOptional }: { isOptional: boolean }): Promise<string | undefined> {
  const { stdin } = process;
  if (stdin.isTTY) return '';
  if (isOptional && !(await speaks(stdin))) {
    // An open pipe would keep the process alive.
    stdin.destroy();
    return undefined;
  }
  let text = '';
  for await (const chunk of stdin.setEncoding('utf8')) text += String(chunk);
  return text;
}

/** Whether the stream has data or its end in time. */
function speaks(stream: NodeJS.ReadStream): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (hasSpoken: boolean): void => {
      clearTimeout(timer);
      stream.off('readable', onReadable);
      resolve(hasSpoken);
    };
    // Emitted at the end as well.
    const onReadable = (): void => settle(true);
    const timer = setTimeout(() => settle(false), firstByteMs);
    stream.on('readable', onReadable);
  });
}
