import type { ConnectionTap, TappedConnection } from "../api/tap.ts";
import { invalidArgument } from "../base/errors.ts";
import { Flow } from "./flow.ts";
import { SessionSlot } from "./session-slot.ts";
import { byFacade, taps } from "./taps.ts";

/** A connection and its tap, if an adapter has set one. */
export abstract class TapSlot<Data extends object, Socket extends object>
  extends SessionSlot<Data, Socket>
  implements TappedConnection
{
  abstract readonly hasMessageHandler: boolean;
  /** Passes a message to the handler `message`. */
  protected abstract handleMessage(data: string | Uint8Array): unknown;

  tap(tap: ConnectionTap): void {
    if (this.isTapped) throw invalidArgument("the connection has a tap already");
    taps.set(this, tap);
    byFacade.set(tap.facade, this);
    this.flow |= Flow.Tapped;
    if (!this.hasEnded) this.binding.runtime.watchPings?.(this.socket);
  }

  awaitReady(): void {
    if (this.isFinished) return;
    this.flow |= Flow.TapPending;
    this.scheduleAdvance();
  }

  protected get isTapped(): boolean {
    return (this.flow & Flow.Tapped) !== 0;
  }

  get isDiscarding(): boolean {
    return (this.flow & Flow.Discarding) !== 0;
  }

  get isFinished(): boolean {
    return (this.flow & Flow.Finished) !== 0;
  }

  fail(error: unknown): void {
    this.failed("message", error);
  }

  sendControl(type: "ping" | "pong", data: Uint8Array | undefined): boolean {
    const { runtime } = this.binding;
    const send = type === "ping" ? runtime.ping : runtime.pong;
    if (send === undefined) return false;
    if (!this.isEnding) send.call(runtime, this.socket, data);
    return true;
  }

  controlFrame(type: "ping" | "pong", data: Uint8Array): void {
    if (!this.isEnding) this.callTap((tap) => tap.controlFrame(type, data));
  }

  protected callTapReady(): void {
    this.callTap((tap) => tap.ready());
  }

  /** Calls the tap, if there is one. An error of the code behind the tap must not stop the connection before its next step. */
  protected callTap(call: (tap: ConnectionTap) => void): void {
    if (!this.isTapped) return;
    const tap = taps.get(this);
    try {
      if (tap !== undefined) call(tap);
    } catch (error) {
      if (this.isFinished) this.reportFailure("close", error);
      else this.failed("message", error);
    }
  }

  /** A message has no handler. The code behind the tap, if there is one, has got the message. */
  protected withoutHandler(isFramed = false): void {
    if (!this.isTapped) this.binding.onUnhandledMessage(this.publicConnection, isFramed);
  }

  protected callTapped(data: string | Uint8Array): unknown {
    const waiting = taps.get(this)?.message(data);
    if (waiting === undefined) return this.handleMessage(data);
    return waiting.then(() => (this.isDiscarding ? undefined : this.handleMessage(data)));
  }
}
