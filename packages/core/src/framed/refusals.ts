/** Refusals of numbered messages: the error of a handler, in the form that is sent to the client. */
import { isTransactionRefused, MAX_CONTROL_LENGTH, writeServerControl } from "@wsession/protocol";
import { isSessionError, SessionError } from "../base/errors.ts";

/** The most characters of a refusal's message. */
const MAX_TEXT = 512;
/** The most characters of a refusal's code. */
const MAX_CODE = 128;

/** Why a number was not applied, in the form that the client receives. */
export interface Refusal {
  readonly code: string;
  readonly message?: string | undefined;
  /** Any JSON value. */
  readonly detail?: unknown;
}

export const FAILED: Refusal = { code: "HANDLER_FAILED" };
export const NO_HANDLER: Refusal = { code: "HANDLER_FAILED", message: "the server has no handler for it" };
/** The refusal of a number whose reason is unknown, because the record does not contain the reason. */
export const REFUSED_BEFORE: Refusal = { code: "REFUSED" };

/** The members of a TransactionRefused; `undefined` for another error, and for one whose members can't be read. */
export function refusalIn(error: unknown): Refusal | undefined {
  if (!isTransactionRefused(error)) return undefined;
  try {
    const { code, message, detail } = error;
    return code !== "" && typeof message === "string" ? { code, message, detail } : undefined;
  } catch {
    // A getter threw. The caller reports the error as a failure of the handler.
    return undefined;
  }
}

/** The refusal of staged data or messages that can't be stored; `undefined` if `error` has another cause. */
export function refusalByStore(error: unknown): Refusal | undefined {
  if (!isSessionError(error) || error.outcome !== "not-applied") return undefined;
  const { code, message } = error;
  switch (code) {
    case "INVALID_DATA":
    case "TOO_LARGE":
    case "NOT_SERIALISABLE":
    case "OUTBOX_FULL":
      return { code, message };
    default:
      return undefined;
  }
}

/** A refusal as a frame. */
export interface RefusedFrame {
  readonly frame: string;
  /** Names the part of the refusal that the frame does not have; `undefined` if the frame has all of it. */
  readonly loss: SessionError | undefined;
}

/**
 * Omits parts of a refusal that JSON can't represent or that are too long for a control frame: first the detail, then the
 * message.
 */
export function refusedFrame(number: number, { code, message, detail }: Refusal): RefusedFrame {
  const fields = {
    type: "refused",
    number,
    code: code.slice(0, MAX_CODE),
    message: message?.slice(0, MAX_TEXT),
  } as const;
  const isCut = fields.code !== code || fields.message !== message;
  const whole = controlFrame({ ...fields, detail });
  if (typeof whole === "string") return { frame: whole, loss: isCut ? tooLong(code) : undefined };
  return {
    frame:
      textOf(controlFrame({ ...fields, detail: undefined })) ??
      writeServerControl({ ...fields, message: undefined, detail: undefined }),
    loss: whole,
  };
}

function textOf(frame: string | SessionError): string | undefined {
  return typeof frame === "string" ? frame : undefined;
}

/** The frame, or the error that explains why there is no frame. */
function controlFrame(
  control: Extract<Parameters<typeof writeServerControl>[0], { type: "refused" }>,
): string | SessionError {
  const { code, detail } = control;
  try {
    const frame = writeServerControl(control);
    if (frame.length > MAX_CONTROL_LENGTH) return tooLong(code);
    // JSON omits a member whose value is a function or a symbol.
    if (detail === undefined || JSON.stringify(detail) !== undefined) return frame;
  } catch (cause) {
    return notSerialisable(code, cause);
  }
  return notSerialisable(code);
}

function tooLong(code: string): SessionError {
  return new SessionError(
    "TOO_LARGE",
    `the refusal ${JSON.stringify(code.slice(0, MAX_CODE))} does not reach the client whole: a code has at most ${MAX_CODE} ` +
      `characters, a message ${MAX_TEXT}, and both with the detail ${MAX_CONTROL_LENGTH} as JSON`,
  );
}

function notSerialisable(code: string, cause?: unknown): SessionError {
  return new SessionError(
    "NOT_SERIALISABLE",
    `the detail of the refusal ${JSON.stringify(code)} does not reach the client, because JSON can't represent it`,
    cause === undefined ? {} : { cause },
  );
}
