// Command stage is the program that runs in every pod of the tests. Which part
// it plays is set by environment variables, so one image serves every scenario
// and a fault is made by changing a manifest, as it is in life.
//
//	LOG_LINE            printed first
//	NEEDS_ENV           name of a variable; if that is missing or empty, exits 1
//	NEEDS_FILE          path of a file; if that cannot be read, exits 1
//	NEEDS_PEER          host:port; if that cannot be reached at start, exits 1
//	EAT_MIB             takes that much memory at start and holds it
//	LEAK_MIB_PER_SECOND takes that much more each second
//	BURN_CPU            uses that many thousandths of a core
//	EXIT_AFTER_SECONDS  ends by itself, with EXIT_CODE (default 0)
//	LOAD_PEER           host:port; asks /work there ten times a second
//	LOAD_MILLICORES     thousandths of a core that these requests cost the peer in all
//	LISTEN              HTTP port, default 8080: /healthz, /readyz, /work?micros=N and /
//	TCP_LISTEN          a port that accepts connections and says nothing
//	SLOW_START_SECONDS  /healthz and /readyz answer 503 until then
//	NOT_READY           if set, /readyz answers 503
//	UNHEALTHY           if set, /healthz answers 500
//
// Called with the argument "pause" it holds a pod's namespaces and does nothing.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// peerTimeout is how long the peer may take to accept; a pod without a route
// would otherwise hang for minutes.
const peerTimeout = 3 * time.Second

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		<-stop
		return
	}

	part, err := readPart(os.Getenv)
	if err != nil {
		fail(err)
	}
	if part.logLine != "" {
		say(part.logLine)
	}
	if err := checkNeeds(part); err != nil {
		fail(err)
	}
	if err := serve(part); err != nil {
		fail(err)
	}
	holdMemory(part.eatMiB)
	leakMemory(part.leakMiBPerSecond)
	burnCPU(part.burnMillicores)
	loadPeer(part.loadPeer, part.loadMillicores)
	say("ready")

	select {
	case <-stop:
		say("stopping")
	case <-part.end():
		say(fmt.Sprintf("ending with code %d", part.exitCode))
		os.Exit(part.exitCode)
	}
}

// checkNeeds tests what the program cannot start without.
func checkNeeds(part part) error {
	if part.needsEnv != "" && os.Getenv(part.needsEnv) == "" {
		return fmt.Errorf("required setting %s is missing", part.needsEnv)
	}
	if part.needsFile != "" {
		if _, err := os.ReadFile(part.needsFile); err != nil {
			return fmt.Errorf("cannot read the configuration: %w", err)
		}
	}
	if part.needsPeer != "" {
		peer, err := net.DialTimeout("tcp", part.needsPeer, peerTimeout)
		if err != nil {
			return fmt.Errorf("cannot reach %s: %w", part.needsPeer, err)
		}
		peer.Close()
	}
	return nil
}

func say(line string) {
	fmt.Println(time.Now().UTC().Format(time.RFC3339), line)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, time.Now().UTC().Format(time.RFC3339), "fatal:", err)
	os.Exit(1)
}
