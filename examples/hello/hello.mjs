import { openTransport } from "@trunkline/core";

const transport = await openTransport(process.argv[2] ?? "zmq://");

await transport.serve({ topic: "greeter", server: "host1" }, { hello: ({ name }) => `Hello, ${name}!` });

const greeter = transport.client({ topic: "greeter" });
console.log(await greeter.call("hello", { name: "world" }));

await transport.close();
