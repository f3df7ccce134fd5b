/** Words come faster than anyone reads, and each event costs a row: what arrives within this time is one event. */
const GATHER_MS = 30;

/** Gathers a text's pieces into fewer, larger ones. */
export interface DeltaStream {
  push(text: string): void;
  /** Emits what is gathered, at once. */
  flush(): void;
}

export function createDeltaStream(emit: (text: string) => void): DeltaStream {
  let gathered = "";
  let timer: NodeJS.Timeout | null = null;

  const flush = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (gathered === "") return;
    const text = gathered;
    gathered = "";
    emit(text);
  };
  return {
    push(text) {
      gathered += text;
      timer ??= setTimeout(flush, GATHER_MS);
    },
    flush,
  };
}
