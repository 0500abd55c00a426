import { until } from "@trunkline/core/testing";
import { type ControlAddress, ControlChannel } from "./control-channel.js";
import { binary, resource } from "./erlang-term.js";
import type { BindingRow, ConnectionRow, ExchangeRow, QueueRow } from "./rows.js";

/** Where a RabbitMQ of this machine and its control channel are. Plain data: it may travel to another process. */
export interface RabbitCoordinates extends ControlAddress {
  readonly host: string;
  readonly port: number;
}

/** What a transport URL says beside host and port. */
export interface RabbitUrlOptions {
  /** @default none: the driver's default vhost */
  readonly vhost?: string;
  /** Empty for a URL without credentials. @default "guest" */
  readonly user?: string;
  /** @default "guest" */
  readonly password?: string;
  /** With its variant, such as `rabbit+oslo`. @default "rabbit" */
  readonly scheme?: string;
  /** The driver's options. */
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** Another port than the broker's own, such as that of a proxy or the one for TLS. */
  readonly port?: number;
}

/** What a user may do in a vhost, each a regular expression of names. */
export interface RabbitPermissions {
  /** @default ".*" */
  readonly configure?: string;
  /** @default ".*" */
  readonly write?: string;
  /** @default ".*" */
  readonly read?: string;
}

/** Whom the broker's log names for what is done here. */
const ACTOR = binary("test");

/**
 * A RabbitMQ of this machine, controlled from its own side: what takes `rabbitmqctl` half a second takes a few ms.
 *
 * Every method rejects with an Error that says what the broker was asked and what it answered.
 */
export class RabbitControl {
  readonly coordinates: RabbitCoordinates;
  readonly #channel: ControlChannel;

  protected constructor(coordinates: RabbitCoordinates, channel: ControlChannel) {
    this.coordinates = coordinates;
    this.#channel = channel;
  }

  /** Opens a control channel to a broker that another process of this machine started. */
  static async attach(coordinates: RabbitCoordinates): Promise<RabbitControl> {
    return new RabbitControl(coordinates, await ControlChannel.open(coordinates));
  }

  get host(): string {
    return this.coordinates.host;
  }

  get port(): number {
    return this.coordinates.port;
  }

  /** A transport URL of this broker. */
  url(options: RabbitUrlOptions = {}): string {
    const { vhost, user = "guest", password = "guest", scheme = "rabbit", query = {}, port = this.port } = options;
    const credentials = user === "" ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
    const path = vhost === undefined ? "" : `/${encodeURIComponent(vhost)}`;
    const pairs = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
    return `${scheme}://${credentials}${this.host}:${port}${path}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`;
  }

  /** RabbitMQ's own version, such as `3.10.8`. */
  async version(): Promise<string> {
    return String(
      await this.#channel.ask("ask its version", "rabbit_json:encode(list_to_binary(rabbit_misc:version()))"),
    );
  }

  /** Makes a vhost in which `guest` may do all. */
  async addVhost(name: string): Promise<void> {
    await this.#do(`add the vhost ${name}`, `rabbit_vhost:add(${binary(name)}, ${ACTOR})`);
    await this.setPermissions("guest", name);
  }

  /** Removes a vhost with all that is in it; its connections are closed. */
  async deleteVhost(name: string): Promise<void> {
    await this.#do(`delete the vhost ${name}`, `rabbit_vhost:delete(${binary(name)}, ${ACTOR})`);
  }

  /** Makes a user, with permissions by vhost. */
  async addUser(
    name: string,
    password: string,
    permissions: Readonly<Record<string, RabbitPermissions>> = {},
  ): Promise<void> {
    const user = `${binary(name)}, ${binary(password)}`;
    await this.#do(`add the user ${name}`, `rabbit_auth_backend_internal:add_user(${user}, ${ACTOR})`);
    for (const [vhost, granted] of Object.entries(permissions)) await this.setPermissions(name, vhost, granted);
  }

  async setPassword(user: string, password: string): Promise<void> {
    const args = `${binary(user)}, ${binary(password)}, ${ACTOR}`;
    await this.#do(`set the password of ${user}`, `rabbit_auth_backend_internal:change_password(${args})`);
  }

  /** Takes effect on what comes later; a channel may remember for a while what it was allowed. */
  async setPermissions(user: string, vhost: string, permissions: RabbitPermissions = {}): Promise<void> {
    const { configure = ".*", write = ".*", read = ".*" } = permissions;
    const args = [user, vhost, configure, write, read].map(binary).join(", ");
    const what = `set the permissions of ${user} in ${vhost}`;
    await this.#do(what, `rabbit_auth_backend_internal:set_permissions(${args}, ${ACTOR})`);
  }

  /** Its connections are closed. */
  async deleteUser(name: string): Promise<void> {
    await this.#do(`delete the user ${name}`, `rabbit_auth_backend_internal:delete_user(${binary(name)}, ${ACTOR})`);
  }

  /**
   * Raises or ends the alarm of a broker that runs out of memory, without any being used: while it is on, connections that
   * publish are blocked. Resolves when the alarm is so; connections hear of it a moment later.
   */
  async setMemoryAlarm(on: boolean): Promise<void> {
    const source = "{resource_limit, memory, node()}";
    const change = on ? `rabbit_alarm:set_alarm({${source}, []})` : `rabbit_alarm:clear_alarm(${source})`;
    const what = `${on ? "raise" : "end"} the memory alarm`;
    await this.#do(what, change);
    const isOn = `rabbit_json:encode(lists:keymember(${source}, 1, rabbit_alarm:get_alarms()))`;
    await until(async () => (await this.#channel.ask(what, isOn)) === on, { what: `the broker to ${what}` });
  }

  /**
   * Brings what was declared so far to disk: durable queues, exchanges, bindings, vhosts and users. The broker itself does so
   * up to two seconds after it has answered, so that a SIGKILL soon after may lose a queue and what is in it, or leave a
   * quorum queue behind that takes nothing and answers nobody.
   */
  async flush(): Promise<void> {
    await this.#do(
      "bring its definitions to disk",
      "mnesia:sync_log(), [ok = dets:sync(Table) || Table <- dets:all()], ok",
    );
  }

  /**
   * Closes connections from the broker's side, as an operator does, with `connection.close` 320 and a reason. Resolves with
   * how many were told, without waiting for their clients to answer.
   *
   * @param vhost only those of this vhost. @default all
   */
  async closeConnections(vhost?: string): Promise<number> {
    const isMeant =
      vhost === undefined
        ? "true"
        : `(catch rabbit_networking:connection_info(Pid, [vhost])) =:= [{vhost, ${binary(vhost)}}]`;
    const closed = await this.#channel.ask(
      `close the connections ${vhost === undefined ? "" : `of ${vhost}`}`.trim(),
      `rabbit_json:encode(length([
         rabbit_networking:close_connection(Pid, ${binary("closed by a test")})
         || Pid <- rabbit_networking:connections(), ${isMeant}]))`,
    );
    return Number(closed);
  }

  /** The open connections, of one vhost or of all. One that is still opening may be missing. */
  async connections(vhost?: string): Promise<ConnectionRow[]> {
    const items = "[name, user, vhost, channels, ssl, auth_mechanism, client_properties, state]";
    const rows = await this.#channel.ask(
      "list its connections",
      `rabbit_json:encode([#{
         name => Name, user => User, vhost => VHost, channels => Channels, isTls => Ssl, mechanism => Mechanism,
         clientProperties => rabbit_misc:amqp_table(Properties)
       } || [{name, Name}, {user, User}, {vhost, VHost}, {channels, Channels}, {ssl, Ssl}, {auth_mechanism, Mechanism},
             {client_properties, Properties}, {state, running}]
         <- rabbit_networking:connection_info_all(${items}), is_binary(VHost)])`,
    );
    // The expression above makes them so.
    const all = rows as ConnectionRow[];
    return all.filter((row) => vhost === undefined || row.vhost === vhost);
  }

  /** The queues of a vhost by name, counted at the time of asking: each queue is asked itself. */
  async queues(vhost: string): Promise<QueueRow[]> {
    const rows = await this.#channel.ask(
      `list the queues of ${vhost}`,
      `Quorum = fun(Q, Query) -> {ok, Answer, _} = ra:consistent_query(amqqueue:get_pid(Q), Query), Answer end,
       Row = fun(Q) ->
         [{durable, Durable}, {auto_delete, AutoDelete}, {arguments, Arguments}] =
           rabbit_amqqueue:info(Q, [durable, auto_delete, arguments]),
         [Messages, Unacknowledged, Consumers] = case amqqueue:get_type(Q) of
           rabbit_quorum_queue -> [
             Quorum(Q, fun rabbit_fifo:query_messages_total/1),
             Quorum(Q, fun rabbit_fifo:query_messages_checked_out/1),
             maps:size(Quorum(Q, fun rabbit_fifo:query_consumers/1))];
           _ -> [N || {_, N} <- rabbit_amqqueue:info(Q, [messages, messages_unacknowledged, consumers])]
         end,
         #{name => element(4, amqqueue:get_name(Q)), type => amqqueue:get_type(Q), durable => Durable,
           autoDelete => AutoDelete, exclusive => amqqueue:get_exclusive_owner(Q) =/= none, arguments => rabbit_misc:amqp_table(Arguments),
           messages => Messages, messagesUnacknowledged => Unacknowledged, consumers => Consumers}
       end,
       Rows = fun(Q) ->
         try [Row(Q)]
         catch Class:Reason -> case rabbit_amqqueue:lookup(amqqueue:get_name(Q)) of
           {error, not_found} -> [];
           _ -> erlang:raise(Class, Reason, [])
         end end
       end,
       rabbit_json:encode(lists:append([Rows(Q) || Q <- rabbit_amqqueue:list(${binary(vhost)})]))`,
    );
    // The expression above makes them so, but for the type, which is the name of the broker's module.
    const all = rows as (Omit<QueueRow, "type"> & { readonly type: string })[];
    return byName(all.map((row) => ({ ...row, type: row.type.replace(/^rabbit_(.*)_queue$/, "$1") })));
  }

  /** Deletes a queue with its messages, in use or not. */
  async deleteQueue(vhost: string, name: string): Promise<void> {
    await this.#do(
      `delete the queue ${name} of ${vhost}`,
      `{ok, _} = rabbit_amqqueue:with(${resource(vhost, "queue", name)}, fun(Q) -> rabbit_amqqueue:delete(Q, false, false, ${ACTOR}) end), ok`,
    );
  }

  /** The exchanges of a vhost by name, without those that each vhost has from the beginning. */
  async exchanges(vhost: string): Promise<ExchangeRow[]> {
    const rows = await this.#channel.ask(
      `list the exchanges of ${vhost}`,
      `rabbit_json:encode([#{
         name => Name, type => Type, durable => Durable, autoDelete => AutoDelete, internal => Internal,
         arguments => rabbit_misc:amqp_table(Arguments)
       } || [{name, {resource, _, _, Name}}, {type, Type}, {durable, Durable}, {auto_delete, AutoDelete},
             {internal, Internal}, {arguments, Arguments}]
         <- rabbit_exchange:info_all(${binary(vhost)}, [name, type, durable, auto_delete, internal, arguments])])`,
    );
    // The expression above makes them so.
    const all = rows as ExchangeRow[];
    return byName(all.filter(({ name }) => name !== "" && !name.startsWith("amq.")));
  }

  /** The bindings of a vhost, without those that each queue has to the exchange without a name. */
  async bindings(vhost: string): Promise<BindingRow[]> {
    const rows = await this.#channel.ask(
      `list the bindings of ${vhost}`,
      `rabbit_json:encode([#{
         source => Source, destination => Destination, destinationType => Kind, routingKey => Key,
         arguments => rabbit_misc:amqp_table(Arguments)
       } || [{source_name, Source}, {destination_name, Destination}, {destination_kind, Kind}, {routing_key, Key},
             {arguments, Arguments}]
         <- rabbit_binding:info_all(${binary(vhost)}, [source_name, destination_name, destination_kind, routing_key, arguments]),
            Source =/= <<>>])`,
    );
    // The expression above makes them so.
    return rows as BindingRow[];
  }

  /** Closes the control channel; the broker goes on. Idempotent. */
  async detach(): Promise<void> {
    await this.#channel.close();
  }

  /** Of something whose success is `ok`. */
  async #do(what: string, expressions: string): Promise<void> {
    await this.#channel.ask(what, `ok = begin ${expressions} end, <<"true">>`);
  }
}

function byName<Row extends { readonly name: string }>(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
