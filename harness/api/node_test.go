package api

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nodeScript does what toxiproxy-node-client can do, and prints what it gets.
const nodeScript = `
const {Toxiproxy} = require("toxiproxy-node-client");
const [url, a, b] = process.argv.slice(2);
const show = (what, value) => console.log(what, JSON.stringify(value, (key, v) => key === "api" || key === "toxiproxy" || key === "host" ? undefined : v));
const fails = async (what, act) => { try { show(what, await act()) } catch (e) { console.log(what, "failed:", e.message) } };
(async () => {
  const t = new Toxiproxy(url);
  show("populate", await t.populate([{name: "a", listen: a, upstream: "127.0.0.1:1"}, {name: "b", listen: b, upstream: "127.0.0.1:2", enabled: false}]));
  await fails("twice", () => t.createProxy({name: "a", listen: a, upstream: "127.0.0.1:1"}));
  await fails("none", () => t.get("none"));
  const p = await t.get("a");
  const toxic = await p.addToxic({type: "latency", name: "slow", stream: "upstream", toxicity: 0.5, attributes: {latency: 100, jitter: 5}});
  show("toxic", toxic.toJson());
  await fails("bad type", () => p.addToxic({type: "none", attributes: {}}));
  show("updated", (await toxic.update({attributes: {latency: 200}})).toJson());
  show("got", (await p.getToxic("slow")).toJson());
  await toxic.remove();
  await fails("removed", () => p.getToxic("slow"));
  show("disabled", await p.update({enabled: false, listen: p.listen, upstream: p.upstream}));
  await t.reset();
  show("all", await t.getAll());
  await p.remove();
  show("rest", Object.keys(await t.getAll()));
})().catch(e => { console.log("FAILED", e); process.exitCode = 1 });
`

// Toxiproxy's client for Node gets the same from both.
func TestNodeClient(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVEN with toxiproxy-node-client: it takes a download")
	}
	dir := t.TempDir()
	install := exec.Command("npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "toxiproxy-node-client@4.1.0")
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("NOT PROVEN with toxiproxy-node-client, which cannot be installed here: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "script.js"), []byte(nodeScript), 0o600); err != nil {
		t.Fatal(err)
	}
	_, ours := serve(t, Config{})
	a, b := freeAddr(t), freeAddr(t)
	run := func(url string) string {
		out, err := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "script.js"), url, a, b).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
		return string(out)
	}
	said := run(ours)
	if !strings.Contains(said, `rest ["b"]`) {
		t.Errorf("got\n%s", said)
	}
	deleteAll(t, ours)
	if url := original(t); url != "" {
		if want := run(url); said != want {
			t.Errorf("got\n%s\nthe original\n%s", said, want)
		}
	}
}
