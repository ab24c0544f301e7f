/** Frames of `v1.wsession` as bytes in one buffer. A string of lead and text would be copied three times until the runtime has its bytes. */

const encoder = new TextEncoder();
/** The longest frame, in bytes. */
const CAPACITY = 16 * 1024;
const buffer = new ArrayBuffer(CAPACITY);
const bytes = new Uint8Array(buffer);
const bytesAfterLead = new Uint8Array(buffer, 1);

/** The longest frame whose view is kept, in bytes. To create a view costs as much as to encode some 500 characters. */
const MAX_KEPT_VIEW = 512;
/** The views of frames, by their length. */
const views: (Uint8Array | undefined)[] = [];

/**
 * A lead of one byte and a text, as UTF-8. The bytes are valid until the next call, so the caller hands them to `send` of the runtime at
 * once: `send` copies them before it returns, and calls no code of the application before that. Half of a surrogate pair becomes U+FFFD.
 * `undefined` if the frame is too long.
 */
export function frameOf(lead: number, text: string): Uint8Array | undefined {
  if (text.length >= CAPACITY) return undefined;
  const { read, written } = encoder.encodeInto(text, bytesAfterLead);
  if (read < text.length) return undefined;
  bytes[0] = lead;
  const length = written + 1;
  return views[length] ?? viewOf(length);
}

function viewOf(length: number): Uint8Array {
  const view = new Uint8Array(buffer, 0, length);
  if (length <= MAX_KEPT_VIEW) views[length] = view;
  return view;
}
