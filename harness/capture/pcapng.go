package capture

import (
	"fmt"
	"io"
	"runtime"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/sockharness/harness/harness/plural"
)

// The interfaces of a file.
const (
	clientLeg = iota // between the clients and the proxy
	serverLeg        // between the proxy and the server
)

// WritePcapng writes the recording as a pcapng file, with the caption as its comment.
// It has an interface for each of the two legs: client to proxy, proxy to server. The
// packets are made of what the proxy has read and written, and when: bytes, FIN, RST,
// with the real addresses, and no retransmissions or windows, which it does not see.
// Comments tell where faults have struck, and what was left out.
func (r *Recording) WritePcapng(w io.Writer, caption string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missing > 0 {
		caption += fmt.Sprintf("\n%s are left out", plural.Count(r.missing, "connection"))
	}
	if r.lost > 0 {
		caption += fmt.Sprintf("\n%s are left out", plural.Count(r.lost, "datagram"))
	}
	file, err := pcapgo.NewNgWriterInterface(w, legInterface("client-proxy", "between the clients and the proxy"),
		pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "harness", OS: runtime.GOOS, Hardware: runtime.GOARCH, Comment: shorten(caption)}})
	if err == nil {
		_, err = file.AddInterface(legInterface("proxy-server", "between the proxy and the server"))
	}
	if err != nil {
		return fmt.Errorf("pcapng write: %w", err)
	}
	for _, p := range r.segmentsLocked() {
		if err := p.writeTo(file); err != nil {
			return fmt.Errorf("pcapng write: %w", err)
		}
	}
	if err := file.Flush(); err != nil {
		return fmt.Errorf("pcapng write: %w", err)
	}
	return nil
}

func legInterface(name, description string) pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: name, Description: description, LinkType: layers.LinkTypeRaw, TimestampResolution: 9}
}

// maxComment bounds a comment: its length in the file has 16 bits.
const maxComment = 8000

func shorten(text string) string {
	if len(text) > maxComment {
		text = text[:maxComment] + "…"
	}
	return text
}

// writeTo writes one packet.
func (p segment) writeTo(file *pcapgo.NgWriter) error {
	protocol, transport := p.transportLayer()
	var ip gopacket.SerializableLayer
	if p.from.Addr().Is4() {
		v4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: p.from.Addr().AsSlice(), DstIP: p.to.Addr().AsSlice()}
		_ = transport.SetNetworkLayerForChecksum(v4)
		ip = v4
	} else {
		v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: protocol, SrcIP: p.from.Addr().AsSlice(), DstIP: p.to.Addr().AsSlice()}
		_ = transport.SetNetworkLayerForChecksum(v6)
		ip = v6
	}
	buffer := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, transport, gopacket.Payload(p.bytes)); err != nil {
		return err
	}
	data := buffer.Bytes()
	return file.WritePacketWithOptions(gopacket.CaptureInfo{Timestamp: p.at, CaptureLength: len(data), Length: len(data), InterfaceIndex: p.leg},
		data, pcapgo.NgPacketOptions{Comments: p.comments})
}

// A transportLayer is the header between IP and the bytes.
type transportLayer interface {
	gopacket.SerializableLayer
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

// transportLayer returns the header of TCP or UDP.
func (p segment) transportLayer() (layers.IPProtocol, transportLayer) {
	if p.udp {
		return layers.IPProtocolUDP, &layers.UDP{SrcPort: layers.UDPPort(p.from.Port()), DstPort: layers.UDPPort(p.to.Port())}
	}
	return layers.IPProtocolTCP, &layers.TCP{SrcPort: layers.TCPPort(p.from.Port()), DstPort: layers.TCPPort(p.to.Port()), Seq: p.seq, Ack: p.ack, Window: 65535,
		SYN: p.syn, ACK: p.hasAck, FIN: p.fin, RST: p.rst, PSH: len(p.bytes) > 0}
}
