package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/gopacket/gopacket/reassembly"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// MaxConversations is how many conversations are read from one file.
const MaxConversations = 64

// ReadFile reads the TCP conversations of a pcap or pcapng file in the order of their
// beginning; port is that of the server, 0 for every one. A file that is cut off gives
// what it holds. The error wraps [ErrUnusable] where that is nothing.
func ReadFile(path string, port int) ([]Conversation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	packets, link, err := openPackets(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: want pcap or pcapng: %w", path, ErrUnusable, err)
	}
	a := &assembly{port: uint16(port)}
	cut := a.readAll(packets, link)
	var all []Conversation
	for _, s := range a.streams {
		if cut != nil {
			s.conversation.Notes = append(s.conversation.Notes, "the file is cut off: "+cut.Error())
		}
		if len(s.conversation.Turns) > 0 {
			all = append(all, s.conversation)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w: it holds no bytes of a TCP conversation%s", path, ErrUnusable, ofPort(port))
	}
	return all, nil
}

func ofPort(port int) string {
	if port == 0 {
		return ""
	}
	return fmt.Sprintf(" with port %d", port)
}

// openPackets finds out which of the two formats it is.
func openPackets(r *bufio.Reader) (gopacket.PacketDataSource, layers.LinkType, error) {
	magic, err := r.Peek(4)
	if err != nil {
		return nil, 0, err
	}
	if bytes.Equal(magic, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		ng, err := pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
		if err != nil {
			return nil, 0, err
		}
		return ng, ng.LinkType(), nil
	}
	old, err := pcapgo.NewReader(r)
	if err != nil {
		return nil, 0, err
	}
	return old, old.LinkType(), nil
}

// An assembly is the reading of one file.
type assembly struct {
	port    uint16
	streams []*stream
}

// readAll reads every packet; the error says where the file is cut off.
func (a *assembly) readAll(from gopacket.PacketDataSource, link layers.LinkType) error {
	pool := reassembly.NewStreamPool(a)
	assembler := reassembly.NewAssembler(pool)
	assembler.MaxBufferedPagesPerConnection = 4096
	assembler.MaxBufferedPagesTotal = 64 << 10
	defer assembler.FlushAll()
	for {
		data, info, err := from.ReadPacketData()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		p := gopacket.NewPacket(data, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
		tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if !ok || p.NetworkLayer() == nil || a.port != 0 && uint16(tcp.SrcPort) != a.port && uint16(tcp.DstPort) != a.port {
			continue
		}
		assembler.AssembleWithContext(p.NetworkLayer().NetworkFlow(), tcp, &packetContext{info})
	}
}

type packetContext struct{ info gopacket.CaptureInfo }

// GetCaptureInfo implements reassembly.AssemblerContext.
func (c *packetContext) GetCaptureInfo() gopacket.CaptureInfo { return c.info }

// A stream is one connection while it is read.
type stream struct {
	assembly     *assembly
	conversation Conversation
	reversed     bool // the first packet seen is the server's
	keep         bool
	overlaps     int
}

// New implements reassembly.StreamFactory. Who sent the first SYN is the client; where
// none was seen, who has the higher port.
func (a *assembly) New(netFlow, tcpFlow gopacket.Flow, tcp *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	s := &stream{assembly: a, keep: len(a.streams) < MaxConversations}
	s.conversation.From = fmt.Sprintf("%s:%d to %s:%d", netFlow.Src(), tcp.SrcPort, netFlow.Dst(), tcp.DstPort)
	switch {
	case tcp.SYN && !tcp.ACK:
	case tcp.SYN:
		s.reversed = true
	default:
		s.conversation.Notes = append(s.conversation.Notes, "its beginning was not recorded")
		s.reversed = tcp.SrcPort < tcp.DstPort
	}
	if a.port != 0 {
		s.reversed = uint16(tcp.SrcPort) == a.port
	}
	if s.keep {
		a.streams = append(a.streams, s)
	}
	return s
}

// Accept implements reassembly.Stream.
func (s *stream) Accept(tcp *layers.TCP, _ gopacket.CaptureInfo, dir reassembly.TCPFlowDirection, _ reassembly.Sequence, start *bool, _ reassembly.AssemblerContext) bool {
	*start = true // a recording may begin in the middle
	if !s.keep {
		return false
	}
	if tcp.RST {
		s.conversation.end(s.direction(dir).Source(), event.Reset)
	}
	return true
}

func (s *stream) direction(dir reassembly.TCPFlowDirection) event.Direction {
	if (dir == reassembly.TCPDirServerToClient) != s.reversed {
		return event.Downstream
	}
	return event.Upstream
}

// ReassembledSG implements reassembly.Stream.
func (s *stream) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	dir, _, end, skip := sg.Info()
	d := s.direction(dir)
	n, _ := sg.Lengths()
	if skip > 0 && s.conversation.Err == nil {
		s.conversation.Err = fmt.Errorf("%s of the %s are missing after byte %d: the recording has a gap", plural.Count(skip, "byte"), sender(d), s.conversation.size[d])
	}
	s.conversation.add(d, sg.Fetch(n))
	if stats := sg.Stats(); stats.OverlapPackets > 0 {
		s.overlaps += stats.OverlapPackets
	}
	if end {
		s.conversation.end(d.Source(), event.EOF)
	}
}

func sender(d event.Direction) string { return string(d.Source()) }

// ReassemblyComplete implements reassembly.Stream.
func (s *stream) ReassemblyComplete(reassembly.AssemblerContext) bool {
	if s.overlaps > 0 {
		s.conversation.Notes = append(s.conversation.Notes, fmt.Sprintf("%d packets were sent again; their bytes count once", s.overlaps))
		s.overlaps = 0
	}
	return true
}
