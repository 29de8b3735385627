package main

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
)

func question(labels ...string) []byte {
	message := []byte{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for _, label := range labels {
		message = append(append(message, byte(len(label))), label...)
	}
	return append(message, 0, 0, typeA, 0, 1)
}

func TestAServiceHasItsAddress(t *testing.T) {
	asked := ""
	reply := answerQuery(question("DB", "shop", "svc", "cluster", "local"), func(name string) (netip.Addr, error) {
		asked = name
		return netip.MustParseAddr("10.96.0.9"), nil
	})
	if asked != "db.shop.svc.cluster.local" {
		t.Fatalf("asked for %q", asked)
	}
	if address := netip.AddrFrom4([4]byte(reply[len(reply)-4:])); address.String() != "10.96.0.9" {
		t.Fatalf("answered %s", address)
	}
	if answers := binary.BigEndian.Uint16(reply[6:]); answers != 1 {
		t.Fatalf("%d answers", answers)
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	for want, err := range map[byte]error{noSuchName: errNoSuchName, serverFailed: errors.New("API server is away")} {
		reply := answerQuery(question("x"), func(string) (netip.Addr, error) { return netip.Addr{}, err })
		if code := reply[3] & 0xf; code != want {
			t.Errorf("%v: code %d", err, code)
		}
	}
}

func TestBrokenQuestionsGetNoAnswer(t *testing.T) {
	whole := question("name")
	for length := range whole {
		if reply := answerQuery(whole[:length], nil); reply != nil {
			t.Errorf("answered %d bytes of a question", length)
		}
	}
	compressed := append(question()[:headerLength], 0xc0, 12, 0, 1, 0, 1)
	if reply := answerQuery(compressed, nil); reply != nil {
		t.Error("answered a compressed name")
	}
}
