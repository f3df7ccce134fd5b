import type { Ora } from "ora";

/** One line at the bottom of the terminal that moves while something is awaited. */
export interface Spinner {
  /** Shows what is awaited; an empty text hides the line. */
  show(text: string): void;
  /** Clears the line, lets something be printed, and draws it again. */
  pause(print: () => void): void;
  stop(): void;
}

/** ora is loaded when there is something to show: it takes 50 ms, and a stack that runs already has nothing. */
export function createSpinner(terminal: NodeJS.WriteStream): Spinner {
  let ora: Ora | null = null;
  let isLoading = false;
  let wanted = "";
  let stopped = false;
  const draw = (): void => {
    if (ora === null || stopped) return;
    ora.text = wanted;
    if (wanted === "") ora.stop();
    else if (!ora.isSpinning) ora.start();
  };
  const load = async (): Promise<void> => {
    isLoading = true;
    const { default: create } = await import("ora");
    // With discardStdin ora would take the terminal into raw mode and Ctrl-C away from our own signal policy.
    ora = create({ stream: terminal, discardStdin: false });
    draw();
  };
  return {
    show(text) {
      wanted = text;
      if (text !== "" && !isLoading) void load();
      draw();
    },
    pause(print) {
      ora?.stop();
      print();
      draw();
    },
    stop() {
      stopped = true;
      ora?.stop();
    },
  };
}
