/**
 * How a stranger writes a cast. `plain`: as a peer of this edition does. `extended`: with what a later edition may have added,
 * and this one passes over. `unknown-version`: of an edition that nobody here knows. `nameless`: without that by which the
 * message, or what it is about, is told from others.
 */
export type CastForm = "plain" | "extended" | "unknown-version" | "nameless";

/** What a stranger answers to a call. */
export type StrangerReply =
  /** What a server answers. */
  | { readonly kind: "result"; readonly value: string }
  /** An error, of a class that the stranger makes up. */
  | {
      readonly kind: "failure";
      readonly type: string;
      readonly module?: string;
      readonly message: string;
      readonly details?: Readonly<Record<string, string>>;
    }
  /** Replies, of the value `forged`, to calls that nobody has put to it: as many as the wire has a way to name. */
  | { readonly kind: "stray" };

/**
 * Somebody on the wire of the driver under test who is not that driver: a harness makes one, in whose hands its own encoders
 * write what no honest peer says. It is let in as any peer is: credentials are other cases' business.
 */
export interface Stranger {
  /**
   * Sends what is no message, each by itself, to whoever serves `topic`: noise, a length that no memory holds, a greeting that
   * breaks off. What was begun stays so until `close`. Resolves with what it sent, in words, when all of it is on its way.
   */
  sendNoise(topic: string): Promise<readonly string[]>;
  /**
   * Casts `note` with `{ id }` to whoever serves `topic`. Resolves, when it is on its way, with what the other side said where it
   * refused it to the stranger's face.
   */
  cast(topic: string, id: string, form: CastForm): Promise<string | undefined>;
  /** Serves `topic`, and answers each call with what `answer` says to its method. Resolves when callers find it. */
  serve(topic: string, answer: (method: string) => readonly StrangerReply[]): Promise<void>;
  /** Ends its connections, and leaves nothing. */
  close(): Promise<void>;
}
