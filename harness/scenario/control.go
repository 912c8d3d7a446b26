package scenario

// A Control is a variant without what it is about: the same split request, but no
// second client beside it. It is run when the variant fails. Where it fails too, the
// variant is blocked: what it is about is not the cause, and another scenario tells
// the same bug by its right name.
type Control struct {
	Without string  // what it leaves out, with its article: "the second client"
	See     string  // the scenario that checks what is left: "partialsend/drip"
	Variant Variant // what is run
}
