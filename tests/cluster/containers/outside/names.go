package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// The part of DNS that is needed (RFC 1035): A records of Services, and "no
// such name" for all else, so that a wrong host name fails at once and in the
// usual words instead of waiting for a name server that cannot be reached.
const (
	headerLength = 12
	typeA        = 1
	flagResponse = 0x8000 | 0x0400 // response, authoritative
	flagRecurse  = 0x0100          // copied from the query
	flagCanDo    = 0x0080          // recursion available: resolvers expect it
	noSuchName   = 3
	serverFailed = 2
	answerTTL    = 5
)

var errNoSuchName = errors.New("no such name")

// lookup gives the address of a name, errNoSuchName, or why it cannot tell.
type lookup func(name string) (netip.Addr, error)

func serveNames(address string, lookup lookup) error {
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		return fmt.Errorf("cannot serve names: %w", err)
	}
	buffer := make([]byte, 512)
	for {
		length, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("cannot serve names: %w", err)
		}
		query := append([]byte(nil), buffer[:length]...)
		go func() {
			if reply := answerQuery(query, lookup); reply != nil {
				socket.WriteTo(reply, from)
			}
		}()
	}
}

// answerQuery is nil for what is not a query with one question.
func answerQuery(query []byte, lookup lookup) []byte {
	if len(query) < headerLength || binary.BigEndian.Uint16(query[4:]) != 1 {
		return nil
	}
	name, end := readName(query, headerLength)
	if end == 0 || end+4 > len(query) {
		return nil
	}
	kind := binary.BigEndian.Uint16(query[end:])
	address, err := lookup(name)

	flags := flagResponse | flagCanDo | binary.BigEndian.Uint16(query[2:])&flagRecurse
	switch {
	case errors.Is(err, errNoSuchName):
		flags |= noSuchName
	case err != nil:
		flags |= serverFailed
	}
	reply := append([]byte(nil), query[:end+4]...)
	binary.BigEndian.PutUint16(reply[2:], flags)
	clear(reply[6:headerLength])
	if err == nil && kind == typeA && address.Is4() {
		binary.BigEndian.PutUint16(reply[6:], 1)
		reply = append(reply, query[headerLength:end+4]...)
		reply = binary.BigEndian.AppendUint32(reply, answerTTL)
		reply = binary.BigEndian.AppendUint16(reply, 4)
		reply = append(reply, address.AsSlice()...)
	}
	return reply
}

// readName reads labels up to the empty one. The end is that of the name, or 0
// if the message ends first or uses compression, which questions do not.
func readName(message []byte, at int) (name string, end int) {
	var labels []string
	for at < len(message) {
		length := int(message[at])
		at++
		if length == 0 {
			return strings.ToLower(strings.Join(labels, ".")), at
		}
		if length > 63 || at+length > len(message) {
			return "", 0
		}
		labels = append(labels, string(message[at:at+length]))
		at += length
	}
	return "", 0
}
