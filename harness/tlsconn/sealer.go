package tlsconn

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"github.com/sockharness/harness/harness/link"
)

// A Sealer writes records of TLS 1.2 that [crypto/tls] does not: alerts of any kind and
// handshake messages after the handshake. It knows the keys of one connection by the log
// of its secrets. It is for one goroutine at a time.
type Sealer struct {
	Server bool // whose side this is

	secrets bytes.Buffer
	randoms [2][]byte // of the client and the server
	aead    cipher.AEAD
	salt    []byte
	next    uint64 // the number of the record that leaves next
	changed bool   // the next handshake message of this side is encrypted

	// Finished is the verify_data that this side has sent; nil before its handshake.
	Finished []byte
	// Hello is the ClientHello that this side has sent, with the header of the message.
	Hello []byte
}

// Configure has the configuration agree to what the sealer can write: TLS 1.2 with
// AES-128-GCM. The sealer is for one connection.
func (s *Sealer) Configure(c *tls.Config) {
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	c.KeyLogWriter = &s.secrets
	c.SessionTicketsDisabled = true
}

// Types of handshake messages and the record that precedes encryption, RFC 5246.
const (
	changeCipherSpec = 20
	clientHello      = 1
	serverHello      = 2
)

// randomAt is where the random of a hello begins, behind header and version.
const (
	randomAt   = 4 + 2
	randomSize = 32
)

// ObserveSent sees a record that crypto/tls sends, and returns the one to be sent in its
// place: the same, with the next number. ObserveRead must have seen what was read.
func (s *Sealer) ObserveSent(r Record) (Record, error) {
	switch {
	case s.aead != nil:
		return s.renumber(r)
	case r.Type() == changeCipherSpec:
		s.changed = true
	case r.Type() == HandshakeRecord && s.changed: // the Finished
		if err := s.deriveKey(); err != nil {
			return nil, err
		}
		plain, err := s.open(r, 0)
		if err != nil {
			return nil, err
		}
		s.next, s.Finished = 1, bytes.Clone(plain[4:])
	case r.Type() == HandshakeRecord:
		s.noteHello(r.Body())
	}
	return r, nil
}

// ObserveRead sees the bytes of a record that the other side has sent in the clear.
func (s *Sealer) ObserveRead(r Record) {
	if len(r) > recordHeader && r.Type() == HandshakeRecord {
		s.noteHello(r.Body())
	}
}

func (s *Sealer) noteHello(message []byte) {
	if len(message) < randomAt+randomSize {
		return
	}
	switch random := bytes.Clone(message[randomAt : randomAt+randomSize]); message[0] {
	case clientHello:
		s.randoms[0], s.Hello = random, bytes.Clone(message)
	case serverHello:
		s.randoms[1] = random
	}
}

// deriveKey derives what this side writes with, RFC 5246 section 6.3.
func (s *Sealer) deriveKey() error {
	fields := bytes.Fields(s.secrets.Bytes())
	if len(fields) < 3 || s.randoms[0] == nil || s.randoms[1] == nil {
		return errors.New("the secrets of the connection are not known")
	}
	master := make([]byte, hex.DecodedLen(len(fields[2])))
	if _, err := hex.Decode(master, fields[2]); err != nil {
		return fmt.Errorf("the secret of the connection: %w", err)
	}
	block := expand(sha256.New, master, append(append([]byte("key expansion"), s.randoms[1]...), s.randoms[0]...), 2*16+2*4)
	key, salt := block[:16], block[32:36]
	if s.Server {
		key, salt = block[16:32], block[36:40]
	}
	cipherBlock, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	s.salt = salt
	s.aead, err = cipher.NewGCM(cipherBlock)
	return err
}

// expand is P_hash of RFC 5246 section 5.
func expand(h func() hash.Hash, secret, seed []byte, n int) []byte {
	sum := func(parts ...[]byte) []byte {
		m := hmac.New(h, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

func additional(seq uint64, kind byte, size int) []byte {
	b := binary.BigEndian.AppendUint64(nil, seq)
	return binary.BigEndian.AppendUint16(append(b, kind, 3, 3), uint16(size))
}

// explicit is the part of a nonce that goes with the record, RFC 5288.
const explicit = 8

func (s *Sealer) open(r Record, seq uint64) ([]byte, error) {
	body := r.Body()
	if len(body) < explicit+s.aead.Overhead() {
		return nil, errors.New("a record that is too short")
	}
	size := len(body) - explicit - s.aead.Overhead()
	return s.aead.Open(nil, append(bytes.Clone(s.salt), body[:explicit]...), body[explicit:], additional(seq, r.Type(), size))
}

// SealRecord returns the next record, of the given type.
func (s *Sealer) SealRecord(kind byte, plain []byte) (Record, error) {
	if s.aead == nil {
		return nil, errors.New("the handshake is not done")
	}
	nonce := binary.BigEndian.AppendUint64(nil, s.next)
	body := s.aead.Seal(bytes.Clone(nonce), append(bytes.Clone(s.salt), nonce...), plain, additional(s.next, kind, len(plain)))
	s.next++
	return append(binary.BigEndian.AppendUint16([]byte{kind, 3, 3}, uint16(len(body))), body...), nil
}

// renumber seals anew what crypto/tls has sealed: its numbers are too low by what was
// sealed beside it.
func (s *Sealer) renumber(r Record) (Record, error) {
	seq := binary.BigEndian.Uint64(r.Body())
	if seq == s.next {
		s.next++
		return r, nil
	}
	plain, err := s.open(r, seq)
	if err != nil {
		return nil, err
	}
	return s.SealRecord(r.Type(), plain)
}

// TapReads has the sealer see the first record that is read from the socket: the hello of
// the other side.
func (s *Sealer) TapReads(c link.Conn) link.Conn { return &tappedConn{Conn: c, sealer: s} }

// A tappedConn shows the first record that is read from it.
type tappedConn struct {
	link.Conn
	sealer *Sealer
	seen   []byte
	done   bool
}

// Read implements [net.Conn].
func (c *tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.done {
		return n, err
	}
	c.seen = append(c.seen, p[:n]...)
	if len(c.seen) < recordHeader {
		return n, err
	}
	if size := recordHeader + int(binary.BigEndian.Uint16(c.seen[3:])); len(c.seen) >= size {
		c.sealer.ObserveRead(c.seen[:size])
		c.seen, c.done = nil, true
	}
	return n, err
}
