package main

import (
	"fmt"
	"strconv"
	"time"
)

// part is what the environment asks of this run.
type part struct {
	logLine          string
	needsEnv         string
	needsFile        string
	needsPeer        string
	eatMiB           int
	leakMiBPerSecond int
	burnMillicores   int
	loadPeer         string
	loadMillicores   int
	exits            bool
	exitAfter        time.Duration
	exitCode         int
	listen           int
	tcpListen        int
	slowStart        time.Duration
	notReady         bool
	unhealthy        bool
}

func readPart(env func(string) string) (part, error) {
	numbers := map[string]int{
		"EAT_MIB": 0, "LEAK_MIB_PER_SECOND": 0, "BURN_CPU": 0, "EXIT_AFTER_SECONDS": 0,
		"EXIT_CODE": 0, "LOAD_MILLICORES": 0, "LISTEN": 8080, "TCP_LISTEN": 0, "SLOW_START_SECONDS": 0,
	}
	for name := range numbers {
		text := env(name)
		if text == "" {
			continue
		}
		number, err := strconv.Atoi(text)
		if err != nil || number < 0 {
			return part{}, fmt.Errorf("invalid setting %s: %q is not a whole number", name, text)
		}
		numbers[name] = number
	}
	return part{
		logLine:          env("LOG_LINE"),
		needsEnv:         env("NEEDS_ENV"),
		needsFile:        env("NEEDS_FILE"),
		needsPeer:        env("NEEDS_PEER"),
		eatMiB:           numbers["EAT_MIB"],
		leakMiBPerSecond: numbers["LEAK_MIB_PER_SECOND"],
		burnMillicores:   numbers["BURN_CPU"],
		loadPeer:         env("LOAD_PEER"),
		loadMillicores:   numbers["LOAD_MILLICORES"],
		exits:            env("EXIT_AFTER_SECONDS") != "",
		exitAfter:        seconds(numbers["EXIT_AFTER_SECONDS"]),
		exitCode:         numbers["EXIT_CODE"],
		listen:           numbers["LISTEN"],
		tcpListen:        numbers["TCP_LISTEN"],
		slowStart:        seconds(numbers["SLOW_START_SECONDS"]),
		notReady:         env("NOT_READY") != "",
		unhealthy:        env("UNHEALTHY") != "",
	}, nil
}

func seconds(count int) time.Duration {
	return time.Duration(count) * time.Second
}

// end is when the program ends by itself; without EXIT_AFTER_SECONDS, never.
func (p part) end() <-chan time.Time {
	if !p.exits {
		return nil
	}
	return time.After(p.exitAfter)
}
