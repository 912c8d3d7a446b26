package strictyaml

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Binder reads itself from a node, and reports to the decoder what is wrong.
type Binder interface {
	Bind(d *Decoder, n *Node)
}

// BindInto stores the value of n in what into points to, by the type of that: a struct
// takes a mapping, each field by its json tag; a slice a list; a map with string
// keys a mapping; a *Node field without a json name its own place. A type that is
// a [Binder] reads itself. The jsonschema tag of a field narrows it, in the words
// of github.com/invopop/jsonschema: required, enum=, minimum=, maximum=. It panics
// on a type that it cannot fill, which is a mistake of the caller.
func BindInto(d *Decoder, n *Node, into any) {
	bindValue(d, n, reflect.ValueOf(into).Elem(), limits{})
}

// BindFields is Bind of a struct of which some keys are read by functions.
func BindFields(d *Decoder, n *Node, into any, others map[string]func(*Node)) {
	v := reflect.ValueOf(into).Elem()
	fields := make(map[string]func(*Node), v.NumField()+len(others))
	var required []string
	for i := range v.NumField() {
		field, target := v.Type().Field(i), v.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			if _, place := target.Interface().(*Node); place {
				target.Set(reflect.ValueOf(n))
			}
			continue
		}
		if strings.Contains(string(field.Tag), "required") && isRequired(field.Tag.Get("jsonschema")) { // the whole tag is a page to read
			required = append(required, name)
		}
		if n.GetKey(name) == nil {
			fields[name] = absent // as most are
			continue
		}
		tag := field.Tag
		fields[name] = func(n *Node) { bindValue(d, n, target, limitsOf(tag.Get("jsonschema"))) }
	}
	for name, read := range others {
		fields[name] = read
	}
	d.DecodeFields(n, fields, required...)
}

// absent is the function of a key that is not there.
func absent(*Node) {}

// limits narrow what a field takes.
type limits struct {
	enum           []string
	least, most    float64
	bounded, upper bool
}

func isRequired(tag string) bool {
	for word := range strings.SplitSeq(tag, ",") {
		if word == "required" {
			return true
		}
	}
	return false
}

func limitsOf(tag string) limits {
	var l limits
	for word := range strings.SplitSeq(tag, ",") {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "enum":
			l.enum = append(l.enum, value)
		case "minimum":
			l.bounded, l.least = true, parseNumber(value)
		case "maximum":
			l.upper, l.most = true, parseNumber(value)
		}
	}
	return l
}

func parseNumber(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(fmt.Sprintf("document: limit %q is not a number", text))
	}
	return v
}

func (l limits) intBounds() (least, most int64) {
	least, most = 0, math.MaxInt32
	if l.bounded {
		least = int64(l.least)
	}
	if l.upper {
		most = int64(l.most)
	}
	return least, most
}

func bindValue(d *Decoder, n *Node, v reflect.Value, l limits) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		bindValue(d, n, v.Elem(), l)
		return
	}
	if b, ok := v.Addr().Interface().(Binder); ok {
		b.Bind(d, n)
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		v.SetInt(int64(d.ParseDuration(n)))
		return
	}
	bindKind(d, n, v, l)
}

func bindKind(d *Decoder, n *Node, v reflect.Value, l limits) {
	switch v.Kind() {
	case reflect.Struct:
		BindFields(d, n, v.Addr().Interface(), nil)
	case reflect.Slice:
		d.EachItem(n, func(n *Node) {
			item := reflect.New(v.Type().Elem()).Elem()
			bindValue(d, n, item, limits{enum: l.enum})
			v.Set(reflect.Append(v, item))
		})
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		d.EachPair(n, func(key, value *Node) {
			item := reflect.New(v.Type().Elem()).Elem()
			bindValue(d, value, item, limits{})
			v.SetMapIndex(reflect.ValueOf(key.Text()).Convert(v.Type().Key()), item)
		})
	default:
		bindScalar(d, n, v, l)
	}
}

func bindScalar(d *Decoder, n *Node, v reflect.Value, l limits) {
	switch v.Kind() {
	case reflect.String:
		if len(l.enum) > 0 {
			v.SetString(d.OneOf(n, slices.Clone(l.enum)...))
		} else {
			v.SetString(d.NonEmptyString(n))
		}
	case reflect.Bool:
		v.SetBool(d.Bool(n))
	case reflect.Int, reflect.Int64:
		least, most := l.intBounds()
		v.SetInt(d.IntBetween(n, least, most))
	case reflect.Float64:
		v.SetFloat(d.FloatBetween(n, l.least, l.most))
	default:
		panic(fmt.Sprintf("document: cannot bind a %s", v.Type()))
	}
}
