/** Framing included: many times what the longest answers have. A line that never ends would be gathered whole. */
const MOST_BYTES = 128 * 1024 * 1024;

/** `fetch` for a model service: its answer ends in the error of `tooLong` where it does not come to an end. */
export function boundedFetch(tooLong: (bytes: number) => Error): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const { body, status, statusText, headers } = response;
    if (body === null) return response;
    let bytes = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > MOST_BYTES) controller.error(tooLong(MOST_BYTES));
        else controller.enqueue(chunk);
      },
    });
    return new Response(body.pipeThrough(counted), { status, statusText, headers });
  };
}
