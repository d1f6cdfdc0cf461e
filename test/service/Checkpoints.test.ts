import { randomBytes } from "node:crypto"
import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import { rowsOf } from "./Database.ts"
import type { EventReader } from "./EventReader.ts"
import { at, listAt, textAt } from "./Json.ts"
import { held, scripted, small } from "./Prompts.ts"
import { useService } from "./UseService.ts"

const setting = useService({
  env: { CHECKPOINT_MAX_FILES: "40", CHECKPOINT_MAX_BYTES: "8388608", CHECKPOINT_STORE_BYTES: "20000000" }
})

/** The tenant's own part of the workspaces. */
let home: string

const run = async (path: string, body: Record<string, unknown>): Promise<EventReader> => {
  const stream = await setting().service.stream("POST", path, { body: { ...small, ...body } })
  await stream.finished()
  return stream
}

const begin = (cwd: string, prompt: string) => run("/api/v1/query", { cwd, prompt, enable_file_checkpointing: true })

const rewind = (session: string, body: Record<string, unknown>) =>
  setting().service.request("POST", `/api/v1/sessions/${session}/rewind`, { body })

beforeAll(async () => {
  const { database, service } = setting()
  const [row] = await rowsOf(database, "SELECT id FROM tenants")
  home = join(service.dataDir, "workspaces", String(row?.["id"]))
})

/** All that is in a directory: kinds, permissions, contents. */
const picture = async (root: string): Promise<Record<string, string>> => {
  const seen: Record<string, string> = {}
  for (const path of (await readdir(root, { recursive: true })).toSorted()) {
    const place = join(root, path)
    const stats = await lstat(place)
    const mode = (stats.mode & 0o7777).toString(8)
    if (stats.isDirectory()) seen[path] = `directory ${mode}`
    else if (stats.isSymbolicLink()) seen[path] = `link ${await readlink(place)}`
    else seen[path] = `file ${mode} ${(await readFile(place)).toString("base64")}`
  }
  return seen
}

describe("a workspace", () => {
  it("is brought back byte by byte after whatever was done to it, and git's own state is left alone", async () => {
    const { database, service } = setting()
    const cwd = join(home, "project")
    const outside = join(home, "outside")
    await mkdir(join(cwd, "src/deep"), { recursive: true })
    await mkdir(join(cwd, "empty"))
    await mkdir(join(cwd, ".git"))
    await mkdir(outside)
    await writeFile(join(outside, "precious"), "not to be touched")
    await writeFile(join(cwd, ".git/index"), "the user's own")
    await writeFile(join(cwd, ".gitignore"), "*.log\n")
    await writeFile(join(cwd, "ignored.log"), "ignored and kept")
    await writeFile(join(cwd, "binary"), Buffer.from([0, 255, 254, 10, 13, 0]))
    await writeFile(join(cwd, "nothing"), "")
    await writeFile(join(cwd, "large"), randomBytes(3_500_000))
    await writeFile(join(cwd, "src/deep/naïve ☃.txt"), "ä")
    await writeFile(join(cwd, "src/old.ts"), "export {}\n")
    await writeFile(join(cwd, "tool.sh"), "#!/bin/sh\n", { mode: 0o755 })
    await symlink("../outside/precious", join(cwd, "pointer"))
    await symlink("nowhere", join(cwd, "dangling"))
    await chmod(join(cwd, "src/deep"), 0o555)
    const before = await picture(cwd)

    // What Bash does counts as much as what Write does.
    const command = [
      "rm ignored.log nothing",
      "mv src/old.ts src/new.ts",
      "printf x >> large",
      "printf changed > binary",
      "chmod 644 tool.sh",
      "rm pointer && ln -s /etc/passwd pointer",
      "chmod 755 src/deep && rm -r src/deep && ln -s ../../outside src/deep",
      "rmdir empty && printf file > empty",
      "mkdir -p fresh/inner && printf y > fresh/inner/file",
      "printf more >> .git/index"
    ].join(" && ")
    await writeFile(join(home, "turn.sh"), command)
    const stream = await run("/api/v1/query", {
      cwd,
      enable_file_checkpointing: true,
      tools: ["Bash"],
      allowed_tools: ["Bash"],
      prompt: scripted(
        "Turn it all around.",
        { tool: "Bash", input: { command: `sh ${join(home, "turn.sh")}` } },
        { text: "Done." }
      )
    })
    const { runId, sessionId } = stream
    assert.notDeepEqual(await picture(cwd), before)
    assert.deepEqual(stream.names.slice(0, 3), ["init", "message", "checkpoint"])
    const entries = Object.keys(before).filter((path) => !path.startsWith(".git/") && path !== ".git").length
    const taken = stream.first("checkpoint").data
    assert.deepEqual([at(taken, "action"), at(taken, "checkpoint_id"), at(taken, "files")], ["taken", runId, entries])
    assert.strictEqual(at(stream.first("message").data, "uuid"), runId)

    const expected = [
      ["binary", "file", "changed"],
      ["empty", "file", "changed"],
      ["fresh", "directory", "added"],
      ["fresh/inner", "directory", "added"],
      ["fresh/inner/file", "file", "added"],
      ["ignored.log", "file", "removed"],
      ["large", "file", "changed"],
      ["nothing", "file", "removed"],
      ["pointer", "link", "changed"],
      ["src/deep", "link", "changed"],
      ["src/deep/naïve ☃.txt", "file", "removed"],
      ["src/new.ts", "file", "added"],
      ["src/old.ts", "file", "removed"],
      ["tool.sh", "file", "changed"]
    ]
    const told = (body: unknown) =>
      listAt(body, "changes").map((change) => [at(change, "path"), at(change, "kind"), at(change, "change")])
    const diff = await service.request("GET", `/api/v1/sessions/${sessionId}/checkpoints/${runId}/diff`)
    assert.deepEqual(told(diff.body), expected)
    const shown = (path: string) => listAt(diff.body, "changes").find((change) => at(change, "path") === path)
    assert.deepEqual(shown("src/new.ts"), {
      path: "src/new.ts",
      kind: "file",
      change: "added",
      before: null,
      now: { kind: "file", mode: "0644", size: 10 },
      renamed_from: "src/old.ts",
      renamed_to: null,
      content: null,
      additions: 0,
      deletions: 0,
      coarse: false,
      patch: "diff --git a/src/old.ts b/src/new.ts\nrename from src/old.ts\nrename to src/new.ts\n",
      patch_omitted: null
    })
    assert.deepEqual(
      ["src/old.ts", "large", "binary", "tool.sh", "pointer", "src/deep", "empty", "fresh"].map((path) => {
        const change = shown(path)
        const fields = ["before", "now", "content", "additions", "deletions", "patch", "patch_omitted"]
        return [path, ...fields.map((field) => at(change, field))]
      }),
      [
        ["src/old.ts", { kind: "file", mode: "0644", size: 10 }, null, null, 0, 0, null, null],
        [
          "large",
          { kind: "file", mode: "0644", size: 3_500_000 },
          { kind: "file", mode: "0644", size: 3_500_001 },
          null,
          null,
          null,
          null,
          "file_too_large"
        ],
        [
          "binary",
          { kind: "file", mode: "0644", size: 6 },
          { kind: "file", mode: "0644", size: 7 },
          "binary",
          null,
          null,
          null,
          "binary"
        ],
        [
          "tool.sh",
          { kind: "file", mode: "0755", size: 10 },
          { kind: "file", mode: "0644", size: 10 },
          "text",
          0,
          0,
          "diff --git a/tool.sh b/tool.sh\nold mode 100755\nnew mode 100644\n",
          null
        ],
        [
          "pointer",
          { kind: "link", target: "../outside/precious" },
          { kind: "link", target: "/etc/passwd" },
          null,
          1,
          1,
          `diff --git a/pointer b/pointer
--- a/pointer
+++ b/pointer
@@ -1,1 +1,1 @@
-../outside/precious
\\ No newline at end of file
+/etc/passwd
\\ No newline at end of file
`,
          null
        ],
        [
          "src/deep",
          { kind: "directory", mode: "0555" },
          { kind: "link", target: "../../outside" },
          null,
          1,
          0,
          `diff --git a/src/deep b/src/deep
new file mode 120000
--- /dev/null
+++ b/src/deep
@@ -0,0 +1,1 @@
+../../outside
\\ No newline at end of file
`,
          null
        ],
        [
          "empty",
          { kind: "directory", mode: "0755" },
          { kind: "file", mode: "0644", size: 4 },
          "text",
          1,
          0,
          `diff --git a/empty b/empty
new file mode 100644
--- /dev/null
+++ b/empty
@@ -0,0 +1,1 @@
+file
\\ No newline at end of file
`,
          null
        ],
        ["fresh", null, { kind: "directory", mode: "0755" }, null, null, null, null, null]
      ]
    )
    const now = await picture(cwd)
    const dry = await rewind(sessionId, { checkpoint_id: runId, restore: "files", dry_run: true })
    assert.deepEqual([dry.status, at(dry.body, "status"), told(dry.body)], [200, "validated", expected])
    assert.deepEqual(await picture(cwd), now)
    const done = await rewind(sessionId, { checkpoint_id: runId, restore: "files" })
    assert.deepEqual([done.status, at(done.body, "status"), told(done.body)], [200, "rewound", expected], done.text)

    const after = await picture(cwd)
    assert.strictEqual(await readFile(join(cwd, ".git/index"), "utf8"), "the user's ownmore")
    assert.deepEqual({ ...after, ".git/index": "" }, { ...before, ".git/index": "" })
    assert.deepEqual(await picture(outside), {
      precious: `file 644 ${Buffer.from("not to be touched").toString("base64")}`
    })
    const again = await rewind(sessionId, { checkpoint_id: runId, restore: "files" })
    assert.deepEqual([again.status, at(again.body, "total_changes")], [200, 0])

    // Rewinds are in the session's log, between its runs.
    const events = await service.stream("GET", `/api/v1/sessions/${sessionId}/events`)
    await events.finished()
    const rewound = events.all("checkpoint").slice(1)
    assert.deepEqual(
      rewound.map(({ data, id }) => [Number(id), at(data, "action"), at(data, "restore")]),
      [1, 2].map((number) => [stream.events.length + number, "rewound", "files"])
    )
    const ofRun = await service.stream("GET", `/api/v1/runs/${runId}/events`)
    await ofRun.finished()
    assert.strictEqual(ofRun.eventText, stream.eventText)

    // What did not change is stored once; the session goes on where it was.
    const next = await run(`/api/v1/sessions/${sessionId}/resume`, {
      enable_file_checkpointing: true,
      prompt: scripted("And now?", { recall: true })
    })
    assert.strictEqual(Number(next.first("init").id), stream.events.length + 3)
    assert.include(JSON.stringify(next.all("message")), "Turn it all around.")
    const rows = await rowsOf(database, "SELECT stored_bytes::int AS bytes FROM checkpoints ORDER BY created_at")
    assert.isAbove(Number(rows[0]?.["bytes"]), 3_500_000)
    assert.isBelow(Number(rows[1]?.["bytes"]), 10_000)

    // What one answer has no room for is had by its path.
    const line = `${"a line of text ".repeat(4)}\n`
    for (const name of ["one", "two", "three", "four", "five"]) {
      await mkdir(join(cwd, name))
      await writeFile(join(cwd, name, "file\n of text"), line.repeat(17_000))
    }
    const of = async (query: string) => {
      const { body, status } = await service.request(
        "GET",
        `/api/v1/sessions/${sessionId}/checkpoints/${runId}/diff${query}`
      )
      assert.strictEqual(status, 200)
      return listAt(body, "changes").map((change) => [
        at(change, "path"),
        at(change, "additions"),
        String(at(change, "patch")).length > line.length * 17_000,
        at(change, "patch_omitted")
      ])
    }
    const shownIn = (directory: string) => [`${directory}/file\n of text`, 17_000, true, null]
    const files = (await of("")).filter(([path]) => String(path).endsWith("text"))
    assert.deepEqual(files.slice(0, 4), ["five", "four", "one", "three"].map(shownIn))
    assert.deepEqual(files.slice(4), [["two/file\n of text", 17_000, false, "answer_full"]])
    assert.deepEqual((await of("?path=two")).slice(1), [shownIn("two")])
    assert.deepEqual(await of(`?path=${encodeURIComponent("two/file\n of text")}`), [shownIn("two")])
    assert.deepEqual(await of("?path=tw"), [])
    const unknown = await service.request("GET", `/api/v1/sessions/${sessionId}/checkpoints/${runId}/diff?paths=two`)
    assert.strictEqual(unknown.status, 422)
    await rm(join(cwd, "src/deep"), { recursive: true, force: true })
  })

  it("that cannot be kept lets no agent at it", async () => {
    const { database, service } = setting()
    const cwd = join(home, "big")
    await mkdir(cwd)
    const ask = () =>
      service.request("POST", "/api/v1/query/single", {
        body: { ...small, cwd, prompt: "Go.", enable_file_checkpointing: true }
      })
    await writeFile(join(cwd, "huge"), randomBytes(8_400_000))
    const large = await ask()
    assert.deepEqual(
      [large.status, at(large.body, "error.error_id"), at(large.body, "error.details.limit")],
      [422, "ERR_WORKSPACE_TOO_LARGE", "bytes"]
    )
    await rm(join(cwd, "huge"))
    await Promise.all(Array.from({ length: 41 }, (_, number) => writeFile(join(cwd, `file${number}`), "")))
    const many = await ask()
    assert.deepEqual([many.status, at(many.body, "error.details.limit")], [422, "files"])
    await rm(cwd, { recursive: true })
    await mkdir(cwd)
    await writeFile(join(cwd, "one"), "1")

    // As when the database's disk is full.
    await rowsOf(
      database,
      `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'disk full at /var/lib' USING ERRCODE = '53100'; END $$`
    )
    await rowsOf(
      database,
      "CREATE TRIGGER full_disk BEFORE INSERT ON checkpoint_parts FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
    const full = await ask()
    await rowsOf(database, "DROP FUNCTION full_disk CASCADE")
    assert.deepEqual([full.status, at(full.body, "error.error_id")], [503, "ERR_CHECKPOINT_FAILED"])
    assert.isNotNull(full.headers.get("retry-after"))
    assert.notInclude(full.text, "/var/lib")
    const line = service.logs().find(({ error_id }) => error_id === "ERR_CHECKPOINT_FAILED")
    assert.match(String(line?.["run_id"]), /^[0-9a-f-]{36}$/)
    const kept = await ask()
    assert.strictEqual(kept.status, 200)
    const runs = await rowsOf(
      database,
      "SELECT runs.status, error->>'error_id' AS error FROM runs JOIN sessions ON sessions.id = session_id WHERE cwd = $1 ORDER BY runs.created_at",
      [cwd]
    )
    assert.deepEqual(
      runs.map(({ error, status }) => [status, error]),
      [
        ["failed", "ERR_WORKSPACE_TOO_LARGE"],
        ["failed", "ERR_WORKSPACE_TOO_LARGE"],
        ["failed", "ERR_CHECKPOINT_FAILED"],
        ["completed", null]
      ]
    )
    assert.deepEqual(await readdir(cwd), ["one"])

    // A part that is gone is missed before anything is changed, and the session is free again.
    await writeFile(join(cwd, "one"), "2")
    await rowsOf(database, "DELETE FROM checkpoint_parts WHERE length(data) = 1")
    const wanted = { checkpoint_id: textAt(kept.body, "run_id"), restore: "files" }
    for (const _ of [1, 2]) {
      const broken = await rewind(textAt(kept.body, "session_id"), wanted)
      assert.deepEqual(
        [broken.status, at(broken.body, "error.error_id"), at(broken.body, "error.details.changed")],
        [500, "ERR_REWIND_FAILED", false]
      )
    }
    assert.deepEqual([await readdir(cwd), await readFile(join(cwd, "one"), "utf8")], [["one"], "2"])
  })
})

describe("a conversation", () => {
  it("goes back to before a message, in the session and in what is forked from it", async () => {
    const { service } = setting()
    const cwd = join(home, "talk")
    await mkdir(cwd)
    await writeFile(join(cwd, "note"), "first")
    const one = await begin(cwd, scripted("Remember the fig.", { text: "A fig." }))
    const session = one.sessionId
    await writeFile(join(cwd, "note"), "second")
    const two = await run(`/api/v1/sessions/${session}/resume`, {
      enable_file_checkpointing: true,
      prompt: scripted("Forget it, take the plum.", { text: "A plum." })
    })
    await writeFile(join(cwd, "note"), "third")
    const old = await run(`/api/v1/sessions/${session}/fork`, { prompt: scripted("What is there?", { recall: true }) })
    const listed = async () => {
      const { body } = await service.request("GET", `/api/v1/sessions/${session}/checkpoints?page_size=1`)
      const second = await service.request(
        "GET",
        `/api/v1/sessions/${session}/checkpoints?page_size=1&cursor=${textAt(body, "next_cursor")}`
      )
      return [...listAt(body, "checkpoints"), ...listAt(second.body, "checkpoints")]
    }
    const checkpoints = await listed()
    assert.deepEqual(
      checkpoints.map((checkpoint) => [
        at(checkpoint, "id"),
        at(checkpoint, "user_message_uuid"),
        at(checkpoint, "in_conversation"),
        at(checkpoint, "files"),
        at(checkpoint, "files_modified")
      ]),
      [
        [one.runId, one.runId, true, 1, []],
        [two.runId, two.runId, true, 1, ["note"]]
      ]
    )

    const back = await rewind(session, { checkpoint_id: two.runId })
    assert.deepEqual(
      [back.status, at(back.body, "restore"), at(back.body, "total_changes")],
      [200, "both", 1],
      back.text
    )
    assert.strictEqual(await readFile(join(cwd, "note"), "utf8"), "second")
    assert.deepEqual(
      (await listed()).map((checkpoint) => at(checkpoint, "in_conversation")),
      [true, false]
    )
    const said = async (id: string) => {
      const { body } = await service.request("GET", `/api/v1/sessions/${id}/messages`)
      return JSON.stringify(listAt(body, "messages"))
    }
    assert.include(await said(session), "fig")
    assert.notInclude(await said(session), "plum")
    assert.include(await said(old.sessionId), "plum")
    const next = await run(`/api/v1/sessions/${session}/resume`, {
      prompt: scripted("What is there?", { recall: "I know: " })
    })
    const answer = JSON.stringify(next.all("message").slice(1))
    assert.include(answer, "fig")
    assert.notInclude(answer, "plum")
    const fork = await run(`/api/v1/sessions/${session}/fork`, {
      prompt: scripted("And here?", { recall: "I know: " })
    })
    assert.notInclude(JSON.stringify(fork.all("message").slice(1)), "plum")
    assert.notInclude(await said(fork.sessionId), "plum")
    const older = await run(`/api/v1/sessions/${old.sessionId}/resume`, {
      prompt: scripted("Still?", { recall: "I know: " })
    })
    assert.include(JSON.stringify(older.all("message").slice(1)), "plum")

    // To its very beginning, where there is nothing to go on from.
    const start = await rewind(session, { checkpoint_id: one.runId, restore: "conversation" })
    assert.strictEqual(start.status, 200)
    assert.strictEqual(await readFile(join(cwd, "note"), "utf8"), "second")
    assert.strictEqual(await said(session), "[]")
    const anew = await run(`/api/v1/sessions/${session}/resume`, {
      prompt: scripted("Who am I?", { recall: "I know: " })
    })
    assert.strictEqual(anew.sessionId, session)
    assert.notInclude(JSON.stringify(anew.all("message").slice(1)), "fig")
    assert.strictEqual(at(anew.first("done").data, "reason"), "completed")

    const unusable = [
      [session, { checkpoint_id: two.runId, restore: "conversation" }, "not_in_conversation"],
      [session, { checkpoint_id: anew.runId, restore: "files" }, "no_files"],
      [fork.sessionId, { checkpoint_id: fork.runId, restore: "conversation" }, "begins_fork"]
    ] as const
    for (const [id, body, reason] of unusable) {
      const refused = await rewind(id, body)
      assert.deepEqual(
        [refused.status, at(refused.body, "error.code"), at(refused.body, "error.details.reason")],
        [409, "INVALID_CHECKPOINT", reason]
      )
    }
  })

  it("stays as it is while a run is going on, and for those whom it is none of their business", async () => {
    const { database, model, service } = setting()
    const cwd = join(home, "busy")
    await mkdir(cwd)
    const first = await begin(cwd, "Hello.")
    const live = await service.stream("POST", `/api/v1/sessions/${first.sessionId}/resume`, {
      body: { ...small, prompt: held("Slowly.", "rewinding") }
    })
    await live.waitFor("init")
    const busy = await rewind(first.sessionId, { checkpoint_id: first.runId })
    assert.deepEqual(
      [busy.status, at(busy.body, "error.error_id"), at(busy.body, "error.details.run_id")],
      [409, "ERR_SESSION_BUSY", live.runId]
    )
    model.open("rewinding")
    await live.finished()

    await rowsOf(
      database,
      `INSERT INTO session_rewinds (id, tenant_id, session_id, checkpoint_id, restore, expires_at)
       SELECT gen_random_uuid(), tenant_id, session_id, id, 'files', now() + interval '1 minute' FROM runs WHERE id = $1`,
      [first.runId]
    )
    const resume = { body: { ...small, prompt: "Next." } }
    const held_up = await service.request("POST", `/api/v1/sessions/${first.sessionId}/resume`, resume)
    assert.deepEqual([held_up.status, at(held_up.body, "error.error_id")], [409, "ERR_SESSION_REWINDING"])
    const second = await rewind(first.sessionId, { checkpoint_id: first.runId })
    assert.deepEqual([second.status, at(second.body, "error.error_id")], [409, "ERR_SESSION_REWINDING"])
    // Its instance died over it: it holds nobody up for ever.
    await rowsOf(database, "UPDATE session_rewinds SET expires_at = now() WHERE finished_at IS NULL")
    assert.strictEqual((await rewind(first.sessionId, { checkpoint_id: first.runId })).status, 200)

    const unknown = "01890000-0000-7000-8000-00000000ffff"
    const { body } = await service.request("POST", "/api/v1/tenants", { body: { name: "stranger" } })
    const key = textAt(body, "api_key.key")
    const path = `/api/v1/sessions/${first.sessionId}`
    const asked = [
      await rewind(first.sessionId, { checkpoint_id: unknown }),
      await rewind(unknown, { checkpoint_id: first.runId }),
      await service.request("GET", `${path}/checkpoints`, { key }),
      await service.request("GET", `${path}/checkpoints/${first.runId}/diff`, { key }),
      await service.request("POST", `${path}/rewind`, { key, body: { checkpoint_id: first.runId } }),
      await rewind(first.sessionId, {}),
      await rewind(first.sessionId, { checkpoint_id: "x", restore: "all" })
    ]
    assert.deepEqual(
      asked.map(({ body: answer, status }) => [status, at(answer, "error.code")]),
      [
        [404, "CHECKPOINT_NOT_FOUND"],
        [404, "SESSION_NOT_FOUND"],
        [404, "SESSION_NOT_FOUND"],
        [404, "SESSION_NOT_FOUND"],
        [404, "SESSION_NOT_FOUND"],
        [422, "VALIDATION_ERROR"],
        [422, "VALIDATION_ERROR"]
      ]
    )
  })
})
