/** NestJS microservices over its TCP transport, as its documentation writes it, without the decorator syntax. */
import "reflect-metadata";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ClientProxyFactory, EventPattern, MessagePattern, Transport } from "@nestjs/microservices";
import { firstValueFrom } from "rxjs";
import { freePort } from "./free-port.mjs";

class BenchController {
  echo(params) {
    return params;
  }

  note() {}
}

function decorate(decorator, name) {
  decorator(BenchController.prototype, name, Object.getOwnPropertyDescriptor(BenchController.prototype, name));
}
decorate(MessagePattern("echo"), "echo");
decorate(EventPattern("note"), "note");
Controller()(BenchController);

class BenchModule {}
Module({ controllers: [BenchController] })(BenchModule);

const options = (port) => ({ transport: Transport.TCP, options: { host: "127.0.0.1", port } });

export async function serve() {
  const port = await freePort();
  const app = await NestFactory.createMicroservice(BenchModule, { ...options(port), logger: false });
  await app.listen();
  return { address: port, close: () => app.close() };
}

export async function connect(port) {
  const client = ClientProxyFactory.create(options(port));
  await client.connect();
  const call = (params) => firstValueFrom(client.send("echo", params));
  return {
    call,
    castWindow: async (list) => {
      for (let i = 0; i < list.length - 1; i += 1) client.emit("note", list[i]);
      await call(list.at(-1));
    },
    close: () => client.close(),
  };
}
