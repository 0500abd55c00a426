import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";
import { findProgram, until } from "@trunkline/core/testing";
import { cleanEnvironment } from "./clean-environment.js";

/** Where the control channel of a broker is found. Plain data: it may travel to another process of this machine. */
export interface ControlAddress {
  /** The Erlang node: `name@localhost`. */
  readonly node: string;
  /** Of the broker's own name server. */
  readonly epmdPort: number;
  /** The folder that holds `.erlang.cookie`, the secret that both sides must know. */
  readonly home: string;
}

interface Waiting {
  resolve(json: unknown): void;
  reject(error: Error): void;
}

const ANSWER_WITHIN_MS = 30_000;
const OPEN_WITHIN_MS = 30_000;

/**
 * Each line of input is a number and Erlang expressions. They are evaluated on the broker's node, and must give JSON as a
 * binary; the answer is a line of its own with the same number. The end of the input ends the program.
 */
const program = (node: string): string => `
  Answer = fun(Line) ->
    {ok, [{integer, _, Id} | Tokens], _} = erl_scan:string(Line),
    Result = case erl_parse:parse_exprs(Tokens) of
      {ok, Exprs} -> rpc:call('${node}', erl_eval, exprs, [Exprs, []], ${ANSWER_WITHIN_MS});
      Refused -> Refused
    end,
    {Word, Text} = case Result of
      {value, Json, _} when is_binary(Json) -> {"ok", Json};
      {badrpc, {'EXIT', {Reason, _}}} -> {"no", io_lib:format("~0tp", [Reason])};
      Other -> {"no", io_lib:format("~0tp", [Other])}
    end,
    io:format("~b ~s ~s~n", [Id, Word, base64:encode(unicode:characters_to_binary(Text))])
  end,
  Loop = fun Loop() ->
    case io:get_line("") of
      Line when is_list(Line) -> spawn(fun() -> Answer(Line) end), Loop();
      _ -> halt(0)
    end
  end,
  Loop().`;

/**
 * A channel to the Erlang node of a RabbitMQ on this machine: what `rabbitmqctl` does in half a second takes a few ms here.
 *
 * It stays open over restarts of the broker. It is a process of its own, which ends with this one.
 */
export class ControlChannel {
  readonly #process: ChildProcess;
  readonly #input: Writable;
  readonly #waiting: Map<number, Waiting> = new Map();
  #lastId = 0;
  #printed = "";
  #isClosed = false;

  private constructor({ node, epmdPort, home }: ControlAddress) {
    const erl = findProgram(["erl"]);
    if (erl === undefined) throw new Error("cannot control RabbitMQ: there is no `erl` on PATH; install Erlang");
    const name = `control-${process.pid}-${randomBytes(4).toString("hex")}@localhost`;
    const args = ["-noshell", "-hidden", "-start_epmd", "false", "-sname", name, "-boot", "no_dot_erlang"];
    args.push("-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-kernel", "logger_level", "emergency");
    // In a session of its own it does not hear the terminal's Ctrl-C: it ends when its input does.
    const child = spawn(erl, [...args, "+S", "1:1", "+sbwt", "none", "-eval", program(node)], {
      cwd: home,
      detached: true,
      env: { ...cleanEnvironment(), HOME: home, ERL_EPMD_PORT: String(epmdPort) },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process = child;
    this.#input = child.stdin;
    child.stdin.on("error", () => {}); // its end is told by `exit`
    child.stderr.on("data", (chunk: Buffer) => this.#keep(chunk.toString()));
    createInterface({ input: child.stdout }).on("line", (line) => this.#hear(line));
    child.once("error", (error) => this.#end(error));
    child.once("exit", () => this.#end());
  }

  /**
   * Resolves when the broker's node answers: some 400 ms.
   * @throws Error where it does not within 30 s, or Erlang is missing.
   */
  static async open(address: ControlAddress): Promise<ControlChannel> {
    const channel = new ControlChannel(address);
    try {
      await channel.ready();
      return channel;
    } catch (error) {
      await channel.close();
      throw error;
    }
  }

  /** Resolves when the node answers, which takes it a moment after a restart. */
  async ready(): Promise<void> {
    let lastError: unknown;
    const answers = async (): Promise<boolean> => {
      if (this.#isClosed) return true;
      return this.ask("say hello", '<<"true">>').then(Boolean, (error: unknown) => {
        lastError = error;
        return false;
      });
    };
    await until(answers, { withinMs: OPEN_WITHIN_MS, what: "RabbitMQ's node to answer" }).catch((error: unknown) => {
      throw lastError ?? error;
    });
    if (this.#isClosed) throw this.#closedError("say hello");
  }

  /**
   * Evaluates Erlang expressions on the broker's node, and resolves with the JSON that the last of them gives as a binary.
   *
   * `what` is for the error: what the broker was asked to do.
   * @throws Error where they fail, give no binary, or take over 30 s.
   */
  ask(what: string, expressions: string): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(this.#closedError(what));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const overdue = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`RabbitMQ did not ${what} within ${ANSWER_WITHIN_MS} ms: is it frozen?`));
      }, ANSWER_WITHIN_MS);
      this.#waiting.set(id, {
        resolve(json) {
          clearTimeout(overdue);
          resolve(json);
        },
        reject(error) {
          clearTimeout(overdue);
          reject(new Error(`RabbitMQ did not ${what}: ${error.message}`));
        },
      });
      this.#input.write(`${id} ${expressions.replace(/\s*\n\s*/g, " ")}.\n`);
    });
  }

  /** Ends the channel; what is still asked for is refused. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { exitCode, signalCode, pid } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#process, "exit");
    // It may be waiting for a node that is frozen.
    this.#process.kill("SIGKILL");
    await exited;
  }

  #hear(line: string): void {
    const [, id, word, text = ""] = /^(\d+) (ok|no) (\S*)$/.exec(line) ?? [];
    const waiting = this.#waiting.get(Number(id));
    if (waiting === undefined) return this.#keep(`${line}\n`);
    this.#waiting.delete(Number(id));
    const answer = Buffer.from(text, "base64").toString();
    if (word === "ok") waiting.resolve(JSON.parse(answer));
    else waiting.reject(new Error(answer));
  }

  #end(cause?: Error): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values())
      reject(cause ?? new Error(`the control channel ended\n${this.#printed}`));
    this.#waiting.clear();
  }

  /** What it says beside its answers, for the error where it ends. */
  #keep(text: string): void {
    this.#printed = (this.#printed + text).slice(-4_096);
  }

  #closedError(what: string): Error {
    return new Error(`RabbitMQ did not ${what}: the control channel is closed\n${this.#printed}`.trimEnd());
  }
}
