package doctorcmd

import "unsafe"

// uintptrOf is the address that prctl(2) writes to; the caller keeps the value alive.
func uintptrOf(v *int32) uintptr { return uintptr(unsafe.Pointer(v)) }
