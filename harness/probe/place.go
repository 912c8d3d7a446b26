package probe

// Place names the program and the system call that tell most of the hang, such as
// "python3 in recvfrom": what hangs of the same cause have in common. It is empty
// where nobody waits.
func (d Diagnosis) Place() string {
	if len(d.Waits) == 0 {
		return ""
	}
	return d.Waits[0].Program + " in " + d.Waits[0].Call
}
