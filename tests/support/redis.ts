/** Redis of this machine: Debian's package `redis-server`. Tests that need it are ignored where it is missing. */

/** Whether it is here. */
export const hasRedis = await new Deno.Command("redis-server", { args: ["--version"], stdout: "null", stderr: "null" })
  .output().then(({ success }) => success, () => false);

/** A server that runs. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
}

/** Starts it on a free port, with nothing in it and nothing kept. */
export async function startRedis(): Promise<RedisServer> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_redis_" });
  const port = freePort();
  const server = new Deno.Command("redis-server", {
    args: ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const said = server.stdout.pipeThrough(new TextDecoderStream());
  let log = "";
  for await (const text of said.values({ preventCancel: true })) {
    log += text;
    if (log.includes("Ready to accept connections")) break;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.kill("SIGTERM");
      await said.cancel();
      await server.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A port that nobody listens on. */
function freePort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  return port;
}
