package api

import "strings"

// The networks of a proxy. Both of its addresses have the network's name and a
// colon in front, save those of TCP, which are as in Toxiproxy.
const (
	networkTCP = "tcp"
	networkUDP = "udp"
)

// cutNetwork splits an address into its network and the rest.
func cutNetwork(address string) (network, rest string) {
	if rest, ok := strings.CutPrefix(address, networkUDP+":"); ok {
		return networkUDP, rest
	}
	return networkTCP, address
}
