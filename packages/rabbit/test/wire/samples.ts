/** Bodies as oslo.messaging 14.0.3 writes them, byte for byte; but for the last and the error all are captured from a broker. */

/** The AMQP properties of each of them, as far as they say how the body is to be read. */
export const PROPERTIES = { contentType: "application/json", contentEncoding: "utf-8", headers: {} } as const;

export const CALL = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"method\": \"add\", \"args\": {\"a\": 2, \"b\": 40}, \"version\": \"1.0\", \"_msg_id\": \"0776be0ae5584fe78c907dc9be27bedf\", \"_reply_q\": \"reply_032adb931e6c4791a33869e70305fe59\", \"_timeout\": null, \"_unique_id\": \"b81d92fd2d7343859c99b1a31cf891a8\", \"_context_user_id\": \"u1\", \"_context_project_id\": \"p1\", \"_context_request_id\": \"req-1\", \"_context_custom\": {\"k\": [1, 2]}}"}`;

export const REPLY = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"result\": 42, \"failure\": null, \"ending\": true, \"_msg_id\": \"0776be0ae5584fe78c907dc9be27bedf\", \"_unique_id\": \"4834cf7840484da589aa9282472806f6\"}"}`;

/** Of a method that returned None. */
export const REPLY_OF_NONE = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": null, \"ending\": true, \"_msg_id\": \"997a3c4766e843c09de63a6371624060\", \"_unique_id\": \"2f7deb0659654ec592f9597636b333a3\"}"}`;

/** Of an exception with args and kwargs. */
export const ERROR_REPLY = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": \"{\\\"class\\\": \\\"BoomError\\\", \\\"module\\\": \\\"common\\\", \\\"message\\\": \\\"BoomError(kaput, 42)\\\", \\\"tb\\\": [\\\"Traceback (most recent call last):\\\\n\\\", \\\"  File \\\\\\\"common.py\\\\\\\", line 9, in boom\\\\n\\\", \\\"common.BoomError: BoomError(kaput, 42)\\\\n\\\"], \\\"args\\\": [\\\"kaput\\\", 42], \\\"kwargs\\\": {\\\"hint\\\": \\\"from-python\\\"}}\", \"ending\": true, \"_msg_id\": \"913d9f8de190403296ddf11413c1f486\", \"_unique_id\": \"c13f6d0c0a5d439988918a7f2a5e76ee\"}"}`;

/** To one server, in a namespace. */
export const DIRECTED_CALL = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"method\": \"whoami\", \"args\": {}, \"namespace\": \"admin\", \"version\": \"1.2\", \"_msg_id\": \"28e56b4cf4bb4ec187e61c4b90b310f9\", \"_reply_q\": \"reply_032adb931e6c4791a33869e70305fe59\", \"_timeout\": null, \"_unique_id\": \"d4f609d1c0f84b6d8bf3e76594d5b68e\", \"_context_user_id\": \"u1\", \"_context_project_id\": \"p1\", \"_context_request_id\": \"req-1\", \"_context_custom\": {\"k\": [1, 2]}}"}`;

export const CAST = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"method\": \"note\", \"args\": {\"via\": \"cast\", \"n\": 1}, \"version\": \"1.0\", \"_unique_id\": \"9f4eeda19980417ca0e54b3f62dafc63\", \"_context_user_id\": \"u1\", \"_context_project_id\": \"p1\", \"_context_request_id\": \"req-1\", \"_context_custom\": {\"k\": [1, 2]}}"}`;

export const DIRECTED_CAST = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"method\": \"note\", \"args\": {\"via\": \"server-cast\", \"n\": 3}, \"version\": \"1.0\", \"_unique_id\": \"5dcaa1a40a214b4ab6bd3b84457fc5dd\", \"_context_user_id\": \"u1\", \"_context_project_id\": \"p1\", \"_context_request_id\": \"req-1\", \"_context_custom\": {\"k\": [1, 2]}}"}`;

export const FANOUT = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"method\": \"note\", \"args\": {\"via\": \"fanout\", \"n\": 2}, \"version\": \"1.0\", \"_unique_id\": \"b70a152efe174cd98c75cccb9056e1be\", \"_context_user_id\": \"u1\", \"_context_project_id\": \"p1\", \"_context_request_id\": \"req-1\", \"_context_custom\": {\"k\": [1, 2]}}"}`;

/** With a `call_monitor_timeout` of 2. */
export const MONITORED_CALL = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"method\": \"slow\", \"args\": {\"seconds\": 4}, \"version\": \"1.0\", \"_msg_id\": \"abe463bdfa324d8f80db8aaad1070c45\", \"_reply_q\": \"reply_032adb931e6c4791a33869e70305fe59\", \"_timeout\": 2, \"_unique_id\": \"486b405ff2c448cabcb14cb7ca7f22ed\", \"_context_user_id\": \"u1\", \"_context_project_id\": \"p1\", \"_context_request_id\": \"req-1\", \"_context_custom\": {\"k\": [1, 2]}}"}`;

export const BEAT = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": null, \"ending\": false, \"_msg_id\": \"abe463bdfa324d8f80db8aaad1070c45\", \"_unique_id\": \"b243615539ea455c88934a1ce116c103\"}"}`;

/** Of the notifier `messagingv2`. */
export const NOTIFICATION = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"message_id\": \"9cf08d02-4e7e-40f0-8fea-7f1f7c725bec\", \"publisher_id\": \"compute.host1\", \"event_type\": \"compute.create_instance\", \"priority\": \"INFO\", \"payload\": {\"i\": 2, \"text\": \"h\\u00e9llo\"}, \"timestamp\": \"2026-11-24 02:25:04.525535\", \"_unique_id\": \"edfb4bec8eea4a07bdb1cca865cc2c2d\", \"_context_user_id\": \"u1\", \"_context_project_id\": \"p1\", \"_context_request_id\": \"req-n\", \"_context_roles\": [\"admin\"]}"}`;

/** Of the notifier `messaging`, which has no envelope. */
export const BARE_NOTIFICATION = String.raw`{"message_id": "2892f9ec-3850-4581-a276-f183c094251c", "publisher_id": "compute.host1", "event_type": "compute.create_instance", "priority": "INFO", "payload": {"i": 0, "text": "h\u00e9llo"}, "timestamp": "2026-11-24 02:25:11.273412", "_unique_id": "2fc2eabb167e4971bf93a7b41a26b7d9", "_context_user_id": "u1", "_context_project_id": "p1", "_context_request_id": "req-n", "_context_roles": ["admin"]}`;

/** All that a Python result may hold and other JSON does not: its words for numbers, integers of any size, a lone surrogate. */
export const ODD_REPLY = String.raw`{"oslo.version": "2.0", "oslo.message": "{\"result\": {\"nan\": NaN, \"inf\": [Infinity, -Infinity], \"big\": 1180591620717411303424, \"edge\": 9007199254740991, \"over\": 9007199254740992, \"neg\": -9223372036854775808, \"pi\": 3.141592653589793, \"huge\": 1e+22, \"lone\": \"\\udc80\", \"text\": \"h\\u00e9\\ud83d\\ude00\", \"when\": \"2026-01-02T03:04:05.000006\", \"id\": \"00000000-0000-0000-0000-000000000001\"}, \"failure\": null, \"ending\": true, \"_msg_id\": \"m\", \"_unique_id\": \"u\"}"}`;
