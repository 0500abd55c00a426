/** This process's environment without what would lead RabbitMQ or Erlang to another node, such as the system's own. */
export function cleanEnvironment(): Record<string, string | undefined> {
  const foreign = /^(RABBITMQ_|ERL_|CONF_ENV_FILE$|NOTIFY_SOCKET$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
