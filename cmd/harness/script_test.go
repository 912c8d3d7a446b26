package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

// patience bounds what must happen, on a machine that may be very busy.
const patience = 30 * time.Second

// TestMain lets the test binary stand in for the command: by name in scripts,
// and by what main gives itself to do.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"harness":           main,
		"without-sock-diag": withoutSockDiag,
	})
}

// TestScripts runs testdata/script, one file for each subject. Every script
// ends with nothing-left.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			fixtures, err := filepath.Abs("../../fixtures")
			e.Setenv("FIXTURES", fixtures)
			e.Setenv("GOHOME", os.Getenv("HOME")) // where a Go toolchain has its caches
			// Else every process that has the race detector sleeps for a second
			// before it exits.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			e.Values[environment{}] = e.Vars
			return err
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"signal": interrupted,
			"await":  await,
			"valid":  valid,

			"send-datagrams": sendDatagrams,
			"connect":        connect,
			"closed-pipe":    closedPipe,
			"nothing-left":   nothingLeft,
			"examples":       examples,

			"readme-commands": readmeCommands,
		},
	})
}

// condition answers [namespaces]: whether a user may have network and mount namespaces.
func condition(name string) (bool, error) {
	if name != "namespaces" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return exec.Command("unshare", "-Urnm", "true").Run() == nil, nil
}

// environment is the key of the variables of a script.
type environment struct{}

// status N COMMAND… runs the command, which must exit with status N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := strconv.Itoa(exitCode(exit)); got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

func exitCode(err *exec.ExitError) int {
	if err == nil {
		return 0
	}
	return err.ExitCode()
}

// interrupted is signal SIGNAL@FILE[,SIGNAL@FILE] STATUS COMMAND…: it starts
// the command, sends it each signal once its file is there, and checks the exit
// status, -1 for a death by signal. What was written goes to the files out and
// err.
func interrupted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: signal SIGNAL@FILE[,SIGNAL@FILE] STATUS COMMAND…")
	}
	// Tests that run under nohup ignore SIGHUP, and so would what they start.
	cmd := exec.Command("env", append([]string{"--default-signal=INT,HUP,TERM"}, args[2:]...)...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), ts.Value(environment{}).([]string)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	ts.Check(cmd.Start())
	defer func() {
		cmd.Process.Kill()
		ts.Logf("%s%s", &out, &stderr)
	}()
	for step := range strings.SplitSeq(args[0], ",") {
		name, file, _ := strings.Cut(step, "@")
		await(ts, false, []string{file})
		ts.Check(cmd.Process.Signal(map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": os.Kill}[name]))
	}
	start := time.Now()
	cmd.Wait()
	ts.Logf("ended %s after the signal", time.Since(start).Round(time.Millisecond))
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("exit status %s, want %s", got, args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), stderr.Bytes(), 0o600))
}

// await FILE waits until the file is there and not empty.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	if !eventually(func() bool {
		info, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil && info.Size() > 0
	}) {
		ts.Fatalf("%s is not there after %s", args[0], patience)
	}
}

// nothingLeft fails when a process of the script or a temporary file is left.
func nothingLeft(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: nothing-left")
	}
	start := time.Now()
	var processes, files []string
	if !eventually(func() bool {
		processes, files = descendants(ts.Getenv("WORK")), temporary(ts.Getenv("TMPDIR"))
		return len(processes)+len(files) == 0
	}) {
		ts.Fatalf("left after %s: processes %q, files %q", patience, processes, files)
	}
	ts.Logf("nothing was left after %s", time.Since(start).Round(time.Millisecond))
}

// eventually polls: neither files nor other people's processes tell.
func eventually(done func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func temporary(dir string) (files []string) {
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != dir {
			files = append(files, path)
		}
		return nil
	})
	return files
}
