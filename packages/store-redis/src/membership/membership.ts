/** This process as a holder of sessions. */
import type { StoreHealth, StoreHost } from "@wsession/core";
import { type Announcement, parseAnnouncement, type PublishedState } from "../announcements/announcements.ts";
import { Confirmations } from "../announcements/confirmations.ts";
import { Delivery } from "../announcements/delivery.ts";
import { HeldCounts, type PresenceHooks } from "../holders/held-counts.ts";
import { hashSubject } from "../base/keys.ts";
import { Lease } from "../holders/lease.ts";
import { Presence } from "../presence/presence.ts";
import { ConfirmationReplies } from "./confirmation-replies.ts";
import { endOf, Recheck } from "./recheck.ts";
import { Resync } from "./resync.ts";
import { Registration } from "../holders/registration.ts";
import type { Services } from "../holders/services.ts";
import type { Missing } from "../commands/reply.ts";
import type { RaisedEpoch } from "../commands/subject-index.ts";
import { ShardedSubscription } from "../announcements/sharded-subscription.ts";
import { Subscription } from "../announcements/subscription.ts";

/** After this many leases without a further message, this process assumes that no process watches subjects. */
const WATCHED_LEASES = 2;

type AnnouncementOf<Type extends Announcement["type"]> = Extract<Announcement, { readonly type: Type }>;

/** Events for the watched subjects of this process. */
export interface WatchingEvents {
  readonly changed: (state: PublishedState) => void;
  /** Messages may have been lost. */
  readonly missed: () => void;
  /** Called every third of `leaseMs`. */
  readonly tick: () => void;
}

/** This process as a holder of sessions: its subscription, its lease, its connection counts, and its rereads of sessions. */
export class Membership {
  readonly confirmations: Confirmations = new Confirmations();
  readonly delivery: Delivery;
  readonly heldCounts: HeldCounts;
  readonly presence: Presence;
  readonly #services: Services;
  readonly #host: StoreHost;
  readonly #destroyHeld: (of: RaisedEpoch, reason?: string) => Promise<unknown>;
  readonly #watching: WatchingEvents;
  readonly #subscription: Subscription;
  readonly #sharded: ShardedSubscription;
  readonly #lease: Lease;
  readonly #resync: Resync;
  readonly #replies: ConfirmationReplies;

  /**
   * `destroyHeld` is called when another process destroyed a subject's sessions, because the index may have
   * lost some that are held here.
   */
  constructor(
    services: Services,
    host: StoreHost,
    destroyHeld: (of: RaisedEpoch, reason?: string) => Promise<unknown>,
    watching: WatchingEvents,
  ) {
    const { connection, settings, calls, availability, keys, node, serverOf, shards } = services;
    this.#services = services;
    this.#host = host;
    this.#destroyHeld = destroyHeld;
    this.#watching = watching;
    this.delivery = new Delivery(host);
    this.#replies = new ConfirmationReplies(services, (error) => host.onError(error));
    const hooks: PresenceHooks = {
      hold: (count, leaves) => services.recording.hold(count, leaves),
      counted: (id, count, leaves, change) => this.presence.counted(id, count, leaves, change),
    };
    this.heldCounts = new HeldCounts(services, hooks, (error) => host.onError(error));
    this.presence = new Presence(services, this.heldCounts);
    this.#resync = new Resync({
      recheck: new Recheck(services, host, this.heldCounts),
      host,
      heldCounts: this.heldCounts,
      sweepMs: settings.sweepMs,
      counters: services.counters,
      // If Redis may evict keys, any held session may be gone at any time, so each sweep reads all of them.
      unbrokenSince: () => (settings.allowEviction ? undefined : this.#subscription.unbrokenSince),
      serverOf,
    });
    this.#subscription = new Subscription(
      connection,
      () => [keys.channel(node), keys.everybody],
      settings.timeoutMs,
      {
        publish: (text) => calls.command("publish", [keys.channel(node), text]),
        message: (text) => this.#onMessage(text),
        resubscribed: () => {
          services.counters.resubscriptions += 1;
          this.#assumeWatched();
          void this.#resync.run(false);
          this.#watching.missed();
        },
        failed: (reason) => availability.explain(reason),
        forbidden: (error) => host.onError(error),
      },
    );
    this.#lease = new Lease(calls, availability, keys.leases(node, connection.isCluster), settings.leaseMs, {
      lapsed: () => {
        this.presence.disturbed();
        this.presence.relist([...host.heldIds()]);
        void this.#resync.run(true);
      },
      partlyLost: () => {
        this.presence.disturbed();
        void this.#resync.run(false);
      },
      tick: () => {
        this.#watching.tick();
        this.#subscription.check();
        this.#sharded.check();
      },
    });
    this.#sharded = new ShardedSubscription(
      calls,
      shards,
      (tag) => keys.shardChannel(node, tag),
      connection,
      { message: (text) => this.#onMessage(text), lost: () => this.#onLostShard() },
    );
  }

  open(): void {
    this.#assumeWatched();
    // A new connection may lead to a server that has lost data, such as a promoted replica.
    this.#services.connection.follow({
      renewed: () => {
        this.#resync.markPossibleLoss();
        this.presence.disturbed();
      },
    });
    this.presence.open();
    this.#subscription.open();
    this.#lease.open();
    this.#resync.open();
    // After `ready` the Cluster's slots are known. If connecting takes longer than one call, the check repeats itself until
    // the slots are known, because otherwise the channels would be subscribed only at the next renewal of the lease.
    const { calls } = this.#services;
    const check = (): void => this.#sharded.check();
    calls.ready(calls.deadline()).then(check, check);
  }

  /**
   * Waits until this process may register as a holder. The process needs a confirmed subscription, because otherwise it would
   * miss announcements, and a lease, because otherwise other processes would remove it. `undefined` if the process has both.
   */
  ready(deadline: number): Promise<void> | undefined {
    const lease = this.#lease.ensure();
    const started = this.#sharded.started();
    if (started === undefined && this.#subscription.confirmed) return lease;
    return Promise.all([this.#subscription.wait(deadline), started, lease]).then(() => undefined);
  }

  /** Whether announcements arrive, as far as probes have shown, and whether the lease is valid. */
  get health(): Pick<StoreHealth, "subscription" | "lease"> {
    return { subscription: this.#subscription.confirmed, lease: this.#lease.isValid };
  }

  /** Counts one more connection, which the call that is about to be sent registers. */
  register(id: string): Registration {
    return new Registration(this.heldCounts, this.delivery, id);
  }

  /** Waits until this process can receive confirmations, until `deadline` at most. Never rejects. */
  async waitForSubscription(deadline: number): Promise<void> {
    if (!this.#subscription.confirmed) await this.#subscription.wait(deadline).catch(() => undefined);
  }

  /** Ends this process's own connections to a session that it has destroyed. Returns how many. */
  end(id: string, reason: string | undefined): number {
    return this.#host.held(id) === undefined ? 0 : this.#host.notify({ type: "destroyed", id, reason });
  }

  /** As `end`, for a session that newer logins of its subject replaced, also one that the host is about to get. */
  endReplaced(id: string, reason: string): void {
    this.#host.notify({ type: "destroyed", id, reason, replaced: true });
  }

  /** Ends the connections here of a session that Redis does not have. The announcement of the end may come later. */
  missing(id: string, found: Missing): void {
    if (this.#host.held(id) !== undefined) this.#host.notify(endOf(id, found));
  }

  /** The ids of the subject's sessions that this process holds. */
  heldIdsOf(subject: string): string[] {
    return [...this.#host.heldIds()].filter((id) => this.#host.held(id)?.subject === subject);
  }

  /** Rereads the sessions that this process holds, to remove a dead process from them. */
  sweep(): void {
    void this.#resync.run(false);
  }

  /**
   * Called when a process watches subjects. Records presence for some leases from now on. If the recording starts by that, the
   * sessions that are held here are registered again, so that Redis has their presence.
   */
  record(): void {
    const { recording, settings } = this.#services;
    if (recording.recordFor(WATCHED_LEASES * settings.leaseMs)) void this.#resync.run(true);
  }

  #assumeWatched(): void {
    const { recording, settings } = this.#services;
    recording.assumeWatched(WATCHED_LEASES * settings.leaseMs);
  }

  #onLostShard(): void {
    this.#assumeWatched();
    void this.#resync.run(false);
    this.#watching.missed();
  }

  async close(): Promise<void> {
    this.#resync.close();
    await this.presence.close();
    this.#subscription.close();
    this.#sharded.close();
    await this.heldCounts.releaseAll();
    await this.presence.flushed();
    await this.#lease.close();
  }

  #onMessage(text: string): void {
    const announcement = parseAnnouncement(text);
    if (announcement === undefined) return;
    this.#services.counters.announcementsHeard += 1;
    switch (announcement.type) {
      case "confirmations":
        for (const confirmation of announcement.confirmations) this.confirmations.add(confirmation);
        return;
      case "subject":
        return this.#onSubjectDestroyed(announcement);
      case "states":
        for (const state of announcement.states) this.#watching.changed(state);
        return;
      case "watching":
        return this.record();
      case "deadlines":
        return this.#onDeadlines(announcement);
      case "event": {
        const { event, confirm } = announcement;
        this.delivery.deliver(event, confirm && ((closed) => this.#replies.add(confirm, event.id, closed)));
      }
    }
  }

  #onSubjectDestroyed({ node, subject, epoch, reason }: AnnouncementOf<"subject">): void {
    if (node === this.#services.node) return;
    const of = { subject, hash: hashSubject(subject), epoch };
    this.#destroyHeld(of, reason).catch((error: unknown) => this.#host.onError(error));
  }

  #onDeadlines({ id, idleAt, absoluteAt, own }: AnnouncementOf<"deadlines">): void {
    const now = this.#services.calls.serverNow();
    // Without the server's time the next sweep finds the new deadlines.
    if (now === undefined) return;
    this.delivery.deliver({
      type: "extended",
      id,
      idleInMs: idleAt - now,
      absoluteInMs: absoluteAt - now,
      own,
    });
  }
}
