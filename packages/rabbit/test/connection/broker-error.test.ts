import {
  AuthError,
  ClosedError,
  ConnectError,
  ConnectionLostError,
  InvalidTransportUrlError,
  ListenError,
  OverloadedError,
} from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import {
  dialFailure,
  isPermanent,
  listenFailure,
  lostConnection,
  replyCode,
  sendFailure,
  textOf,
} from "../../src/connection/broker-error.js";

const withCode = (code: unknown, message = "said the broker"): Error => Object.assign(new Error(message), { code });

describe("an attempt to connect that failed says what must change", () => {
  test.each([
    ["credentials", new Error('Handshake terminated by server: 403 (ACCESS-REFUSED) with message "…"'), "correct user"],
    ["mechanism", new Error("SASL mechanism AMQPLAIN is not provided by the server"), "choose another, or enable it"],
    ["vhost", new Error("Expected ConnectionOpenOk; got <ConnectionClose channel:0>"), 'refused the vhost "a b"'],
    ["certificate", withCode("DEPTH_ZERO_SELF_SIGNED_CERT"), "(DEPTH_ZERO_SELF_SIGNED_CERT); check its host name"],
    ["certificate", withCode("ERR_TLS_CERT_ALTNAME_INVALID"), "the CA in the URL"],
    ["certificate", withCode("CERT_HAS_EXPIRED"), "is not to be trusted"],
  ])("%s", (trouble, error, words) => {
    const failure = dialFailure(error, "mq:5672", "a b");
    expect(failure).toMatchObject({ trouble, error: { code: "ERR_AUTH", retryable: false } });
    expect(failure.error).toBeInstanceOf(AuthError);
    expect(failure.error.message).toContain("mq:5672");
    expect(failure.error.message).toContain(words);
  });

  test.each([
    ["a refused connection", withCode("ECONNREFUSED", "connect ECONNREFUSED")],
    ["a handshake that ended for another reason", new Error("Handshake terminated by server: 320 (CONNECTION-FORCED)")],
    ["a code that only begins so", new Error("Handshake terminated by server: 4030")],
    ["words of the broker within others", new Error("no SASL mechanism X is not provided by the server")],
    ["no error at all", "gone"],
  ])("%s can pass", (_, error) => {
    const failure = dialFailure(error, "mq:5672", "/");
    expect(failure).toMatchObject({ trouble: "network", error: { retryable: true } });
    expect(failure.error).toBeInstanceOf(ConnectError);
    expect(failure.error.message).toBe(`rabbit at mq:5672 cannot be reached: ${textOf(error)}`);
  });

  test("a broker's words, which may repeat credentials, are not the cause of a refusal", () => {
    const error = new Error("Handshake terminated by server: 403 (ACCESS-REFUSED) user secret");
    const refused = dialFailure(error, "mq:5672", "/").error;
    expect(refused.cause).toBeUndefined();
    expect(refused.message).not.toContain("secret");
  });
});

test("a lost connection is in doubt", () => {
  const cause = new Error("ECONNRESET");
  const lost = lostConnection("mq:5672", cause);
  expect(lost).toBeInstanceOf(ConnectionLostError);
  expect(lost).toMatchObject({ mayHaveRun: true, cause });
  expect(lost.message).toBe("the connection to rabbit at mq:5672 was lost: ECONNRESET");
  expect(lostConnection("mq:5672", undefined).message).toMatch(/: it was closed$/);
});

describe("reply codes", () => {
  test("are numbers only", () => {
    expect([withCode(404), withCode("404"), new Error("404"), 404, null, undefined].map(replyCode)).toEqual([
      404,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test.each<[boolean, unknown]>([
    [true, withCode(403)],
    [true, withCode(406)],
    [false, withCode(404)],
    [false, withCode(405)],
    [false, withCode(541)],
    [false, new Error("x")],
    [true, new AuthError("x")],
    [true, new InvalidTransportUrlError("x", "query")],
    [false, new ConnectError("x")],
    [false, new ConnectionLostError("x", true)],
  ])("permanent: %j", (expected, error) => {
    expect(isPermanent(error)).toBe(expected);
  });
});

describe("what a refused operation is", () => {
  const denied = withCode(403, "ACCESS_REFUSED - access to queue 'q' refused");

  test("a missing permission is named with what to set, to senders and listeners", () => {
    for (const error of [listenFailure("topic T", denied), sendFailure("topic T", denied)]) {
      expect(error).toBeInstanceOf(AuthError);
      expect(error.message).toMatch(/^rabbit refuses topic T to this user: ACCESS_REFUSED .*set its permissions/);
      expect(error.cause).toBe(denied);
    }
  });

  test("to who asked to listen", () => {
    const url = new InvalidTransportUrlError("the queue exists otherwise", "query");
    expect(listenFailure("topic T", url)).toBeInstanceOf(ListenError);
    expect(listenFailure("topic T", url)).toMatchObject({ message: url.message, cause: url });
    const lost = new ConnectionLostError("lost", true, { cause: denied });
    // Nothing was sent that may have run.
    expect(listenFailure("topic T", lost)).toBeInstanceOf(ConnectError);
    expect(listenFailure("topic T", lost)).toMatchObject({ message: "lost", cause: denied });
    for (const same of [new ClosedError("x"), new AuthError("x"), new ListenError("x"), new OverloadedError("x")]) {
      expect(listenFailure("topic T", same)).toBe(same);
    }
    const other = listenFailure("topic T", withCode(404, "NOT_FOUND"));
    expect(other).toBeInstanceOf(ListenError);
    expect(other.message).toBe("cannot listen on topic T: NOT_FOUND");
  });

  test("to who asked to send", () => {
    const other = sendFailure("topic T", withCode(404, "NOT_FOUND"));
    expect(other).toBeInstanceOf(ConnectError);
    expect(other.message).toBe("cannot send to topic T: NOT_FOUND");
    const same = new OverloadedError("x");
    expect(sendFailure("topic T", same)).toBe(same);
  });
});

test("whatever was thrown has a text", () => {
  expect([new Error("a"), "b", 5, null, undefined].map(textOf)).toEqual(["a", "b", "5", "null", "undefined"]);
  const several = new AggregateError([new Error("::1 refused"), new Error("127.0.0.1 refused")], "");
  expect(textOf(several)).toBe("::1 refused; 127.0.0.1 refused");
  expect(textOf(new AggregateError([new Error("a")], "both"))).toBe("both");
});
