package hook

// A FailureNotifier is a Link that is told when a toxic can never take effect on it. A
// link implements it; it is apart from [Link] because few toxics can know that.
type FailureNotifier interface {
	// CannotStrike reports why, once; what passes by is left as it is.
	CannotStrike(offset int64, why string)
}
