import { expect, test } from "vitest";
import { cleanEnvironment } from "../../../src/platform/clean-environment.ts";

test("no key and no setting of ours or of others gets through", () => {
  const env = {
    OPENAI_API_KEY: "sk-1",
    AWS_SECRET_ACCESS_KEY: "2",
    STIGMER_HOME: "/h",
    NODE_OPTIONS: "--require x",
    LD_PRELOAD: "x.so",
    my_proxy: "3",
    PATHS: "4",
    LC: "5",
  };
  expect(cleanEnvironment(env)).toEqual({});
});

test("a child finds programs, its user, its language, proxies and certificate authorities", () => {
  const env = {
    PATH: "/bin",
    HOME: "/home/u",
    USER: "u",
    LANG: "C.UTF-8",
    LC_ALL: "C",
    TZ: "UTC",
    TMPDIR: "/t",
    https_proxy: "http://p",
    NO_PROXY: "localhost",
    NODE_EXTRA_CA_CERTS: "/ca.pem",
    SSL_CERT_FILE: "/ca.pem",
  };
  expect(cleanEnvironment({ ...env, SECRET: "x", UNSET: undefined })).toEqual(env);
});
