"""Personal data: how to reach somebody, who they are, where they live."""

from __future__ import annotations

from sluice.classify.detector import Detector

_PHONE = ("phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "call", "whatsapp", "sms", "handy", "telefon",
          "phonenumber", "mobilenumber", "msisdn", "dial", "ring", "callback", "landline")  # fmt: skip
_WORD = r"(?:[A-Z]|\xc3[\x80-\x9e])(?:[a-z'.]|\xc3[\x80-\xbf]|\xc5[\x80-\xbf]|[A-Z][a-z]|-[A-Z]){1,20}"
_PARTICLE = r"(?:van |von |de |der |den |di |da |la |le |bin |al |el |del |dos )"
_NAME = rf"{_WORD}(?: (?:[A-Z]\.? )?{_PARTICLE}{{0,2}}{_WORD}){{0,3}}"
_FULL_NAME = rf"{_WORD}(?: (?:[A-Z]\.? )?{_PARTICLE}{{0,2}}{_WORD}){{1,3}}"
_MONTH = (
    r"(?i:jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?|sept?(?:ember|\.)?|oct(?:ober|\.)?"
    r"|nov(?:ember|\.)?|dec(?:ember|\.)?)"
)
_DATE = (
    r"(?:(?:19|20)[0-9]{2}(?:[-/.](?:1[0-2]|0?[1-9])[-/.](?:3[01]|[12][0-9]|0?[1-9])|(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))"
    r"|(?:3[01]|[12][0-9]|0?[1-9])[-/.](?:3[01]|[12][0-9]|0?[1-9])[-/.](?:(?:19|20)[0-9]{2}|[0-9]{2})"
    rf"|(?:3[01]|[12][0-9]|0?[1-9])(?:st|nd|rd|th)?(?: of)? {_MONTH},? (?:19|20)[0-9]{{2}}"
    rf"|{_MONTH} (?:3[01]|[12][0-9]|0?[1-9])(?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}})"
)
_KINDS_OF_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Square|Sq|Place|Pl|Terrace|Ter|Highway|Hwy"
    r"|Parkway|Pkwy|Close|Crescent|Row|Gardens|Grove|Walk|Alley|Circle|Cir|Trail|Mews|Hill|Park)\b\.?"
)
_CITY = r"(?:,? (?:[A-Z][A-Za-z'.-]+ ?){1,3}(?:,? [A-Z]{2})?(?:,? (?:[0-9]{5}(?:-[0-9]{4})?|[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}))?)?"

PERSONAL: tuple[Detector, ...] = (
    Detector(
        kind="email", label="pii.email", shown="email", check="email", alone=97, told=98, needs="@", bound="word", reach=330,
        pattern=r"[A-Za-z0-9\x80-\xff][A-Za-z0-9._%+'\x80-\xff-]{0,63}@(?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]*)\.)+"
        r"[A-Za-z]{2,24}",
        examples=("jane.doe@example.com", "mail to <j+tag@mail.example.co.uk>.", "mailto:o'neil_x@example.org", "A-B@EXAMPLE.COM"),
        counterexamples=("git@github.com:org/repo", "icon@2x.png", "@decorator", "user@localhost", "npm i @types/node@20.1.0"),
    ),
    Detector(
        kind="phone", label="pii.phone", shown="phone", check="phone", alone=93, told=97,
        pattern=r"\+[1-9][0-9]{0,2}(?:[ ().-]{0,2}[0-9]){6,14}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?",
        context=_PHONE, examples=("+44 20 7946 0958", "+1 (555) 123-4567", "call +4930123456.", "+33 6 12 34 56 78"),
        counterexamples=("+1234", "1+1234567890", "+99912345678901234567", "balance +100000000"),
    ),
    Detector(
        kind="phone_national", label="pii.phone", shown="phone", alone=78, told=95,
        pattern=r"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?",
        context=_PHONE, against=("order", "version", "serial", "part", "sku", "invoice", "tracking"),
        examples=("(555) 123-4567", "555.123.4567", "call 1-555-123-4567 x12"),
        counterexamples=("order 555-123-4567", "155-123-4567-8901", "2024-123-4567"),
    ),
    Detector(
        kind="phone_pairs", label="pii.phone", shown="phone", alone=72, told=95, pattern=r"0[1-9](?:[ .][0-9]{2}){4}",
        context=_PHONE, examples=("06 12 34 56 78", "01.23.45.67.89"), counterexamples=("01 02 2024",),
    ),
    Detector(
        kind="phone_trunk", label="pii.phone", shown="phone", check="trunk", alone=44, bare=20, told=90,
        pattern=r"(?:\(0[1-9][0-9]{0,4}\)|0[1-9][0-9]{0,4})(?:[ /-]{0,2}[0-9]){4,9}",
        context=_PHONE, examples=("phone 020 7946 0958", "Tel. 030/1234567", "call me on 07700 900123"),
        counterexamples=("020 7946 0958 2211 33", "01-02-2024 10", "0123456789"),
    ),
    Detector(
        kind="phone_by_name", label="pii.phone", shown="phone", check="trunk", alone=0, told=85, needs="0",
        pattern=r"[1-9][0-9]{8,11}",
        context=("phone", "phonenumber", "telephone", "tel", "mobile", "mobilenumber", "cell", "cellphone", "fax", "whatsapp", "msisdn"),
        against=("order",), examples=("phone: 5551234567", "mobile 447700900123"), counterexamples=("5551234567",),
    ),
    Detector(
        kind="name_with_title", label="pii.name", shown="name", alone=82, told=90, bound="word",
        lead=r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Monsieur|Madame|Mme|Se\xc3\xb1or|Se\xc3\xb1ora|Sr|Sra|Signora?)\.? ",
        pattern=_NAME, examples=("ask Dr. Rowan Anvil", "Frau Müller", "Dear Mrs Ladle,"),
        counterexamples=("Dr. who", "the Mr in front"),
    ),
    Detector(
        kind="name_said", label="pii.name", shown="name", alone=82, told=90, bound="word",
        lead=r"(?:(?i:(?:my name is|my name's) |(?:(?:full|first|last|middle|given|family|sur|maiden|patient|customer|client|contact|employee"
        r"|applicant|account holder|cardholder|insured|beneficiary|recipient|user|legal|passenger)'?s?[ _-]?name|cardholder"
        r"|account holder|patient|employee|applicant|beneficiary|attn|kind regards|best regards|regards|sincerely)[\"']?(?::|=|,|\n| is )[\"' \n]{0,3})"
        r"|(?:I am|I'm) )",
        pattern=_FULL_NAME,
        examples=("My name is Rowan Anvil", "Patient: Hazel von Trowel", "cardholder name: Iris Q. Wrench", "Hello, I am Sage Niblick."),
        counterexamples=("my name is short", "Hello World", "This is The End", "Dear Customer"),
    ),
    Detector(
        kind="name_by_name", label="pii.name", shown="name", alone=0, told=80, needs="n", bound="word", pattern=_NAME,
        context=("fullname", "firstname", "lastname", "surname", "givenname", "familyname", "middlename", "maidenname", "customername",
                 "patientname", "contactname", "cardholder", "accountholder", "employeename", "clientname", "nachname", "vorname", "beneficiary"),
        against=("product", "company", "file", "host"), examples=(),
    ),
    Detector(
        kind="street", label="pii.address", shown="address", alone=82, told=90, bound="word", reach=128,
        pattern=rf"[0-9]{{1,5}}[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z0-9][A-Za-z0-9'.-]+ ){{1,4}}{_KINDS_OF_STREET}"
        rf"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|#)\.? ?[0-9A-Za-z-]{{1,6}})?{_CITY}",
        context=("address", "street", "addr"),
        examples=("12 Quarry Lane, Exampletown", "1600 N. Mill Pond Ave Apt 4B", "7 Kiln Way, Exampleville, CA 90210"),
        counterexamples=("12 monkeys", "5 Great Ways", "3 Big Lanes"),
    ),
    Detector(
        kind="street_continental", label="pii.address", shown="address", alone=80, told=90, bound="word", reach=128,
        pattern=r"(?:[A-Z](?:[a-z-]|\xc3[\x80-\xbf]){2,30}(?:stra\xc3\x9fe|strasse|str\.|gasse|allee|platz|weg) [0-9]{1,4}[a-z]?"
        r"|[0-9]{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai|route) (?:(?:de |du |des |de la |la |le )?(?:d'|l')?"
        r"(?:[A-Z]|\xc3[\x80-\x9e])(?:[a-z'-]|\xc3[\x80-\xbf])+ ?){1,3}"
        r"|(?:Calle|Avenida|Plaza|Paseo|Via|Viale|Piazza|Corso|Rua) (?:(?:de |del |la |di |della |do |da )?[A-Z](?:[a-z']|\xc3[\x80-\xbf])+,? ){1,3}[0-9]{1,4})"
        r"(?:,? [0-9]{4,5} [A-Z](?:[a-z-]|\xc3[\x80-\xbf])+)?",
        context=("address", "adresse", "street", "direccion", "indirizzo"),
        examples=("Lindenstraße 12, 10969 Beispielstadt", "14 rue de la Forge", "Calle del Molino 5", "Via Roma, 12"),
        counterexamples=("Via email", "14 rues", "der Platz ist voll"),
    ),
    Detector(
        kind="po_box", label="pii.address", shown="address", alone=85, told=90, bound="word",
        pattern=r"(?i:p\.? ?o\.? ?box|postfach|apartado) [0-9]{1,6}", examples=("P.O. Box 1234", "Postfach 55"),
        counterexamples=("box 12",),
    ),
    Detector(
        kind="postcode_gb", label="pii.address", shown="address", alone=72, told=92,
        pattern=r"[A-PR-UWYZ][A-HK-Y]?[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}", context=("postcode", "postal", "address"),
        examples=("SW1A 1AA", "postcode M1 1AE"), counterexamples=("A1 2B", "AB12 3C"),
    ),
    Detector(
        kind="postcode", label="pii.address", shown="address", alone=5, told=82, pattern=r"(?:[0-9]{5}(?:-[0-9]{4})?|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]|[0-9]{4} ?[A-Z]{2})",
        context=("zip", "zipcode", "postcode", "postal", "postalcode", "plz"), examples=("zip 90210", "ZIP code: 12345-6789", "postal code K1A 0B1"),
        counterexamples=("90210", "port 54321", "zip file of 100 MB"),
    ),
    Detector(
        kind="birth_date", label="pii.birth_date", shown="date", check="day", alone=3, told=90, pattern=_DATE,
        context=("dob", "birth", "born", "birthdate", "birthday", "dateofbirth", "geburtsdatum", "geboren", "naissance", "nacimiento", "nascita"),
        examples=("born on 1984-03-07", "DOB: 7/3/84", "date of birth 7 March 1984", "Birthday: March 7th, 1984", "geboren am 07.03.1984"),
        counterexamples=("created 2024-03-07", "2024-03-07", "born in 3-4 days"),
    ),
    Detector(
        kind="place", label="pii.location", shown="place", check="place", alone=80, told=92,
        pattern=r"-?[0-9]{1,2}\.[0-9]{4,12}[,;] ?-?[0-9]{1,3}\.[0-9]{4,12}", context=("gps", "location", "coordinates", "lat", "geo", "position"),
        against=("price", "range", "interval", "loss"),
        examples=("52.520008, 13.404954", "at -33.86882,151.20930"), counterexamples=("1.2, 3.4", "95.12345, 13.40495"),
    ),
    Detector(
        kind="coordinate", label="pii.location", shown="place", alone=3, told=82, pattern=r"-?[0-9]{1,3}\.[0-9]{4,15}",
        context=("lat", "latitude", "lon", "lng", "longitude"), examples=("latitude: 52.520008", "lng=13.404954"),
        counterexamples=("52.520008", "ratio 0.33333"),
    ),
    Detector(
        kind="passport", label="pii.passport", shown="passport", alone=5, told=86, pattern=r"(?:[A-Z]{1,2}[0-9]{6,8}|[0-9]{8,9}|[0-9]{2}[A-Z]{2}[0-9]{5}|[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8})",
        context=("passport", "passportno", "passportnumber", "reisepass", "passeport", "pasaporte"),
        examples=("passport 123456789", "Passport No: C01X00T47", "passport number: AB1234567"),
        counterexamples=("123456789", "AB1234567"),
    ),
    Detector(
        kind="passport_zone", label="pii.passport", shown="passport", alone=96, told=98, bound="open", pattern=r"P[A-Z<][A-Z]{3}[A-Z]+<<?[A-Z<]{10,39}",
        examples=("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",), counterexamples=("P<T> is a type",),
    ),
    Detector(
        kind="driving_licence_gb", label="pii.driving_licence", shown="licence", alone=86, told=95,
        pattern=r"[A-Z9]{5}[0-9](?:[05][1-9]|[16][0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9][A-Z9]{2}[0-9][A-Z]{2}",
        examples=("MORGA657054SM9IJ",), counterexamples=("MORGA699054SM9IJ",),
    ),
    Detector(
        kind="driving_licence", label="pii.driving_licence", shown="licence", alone=5, told=80, needs="0",
        pattern=r"(?:[A-Z]{1,3}[0-9]{5,14}|[A-Z][0-9]{3}(?:-[0-9]{3,4}){2,4}|[0-9]{7,9}[A-Z]{0,2}|[A-Z0-9]{10,12})",
        context=("driving", "driver", "drivers", "driverslicense", "driverlicense", "dl", "dlnumber", "fuehrerschein", "permis"),
        against=("version", "download"),
        examples=("driver's license D1234567", "DL: S123-4567-8901"), counterexamples=("D1234567", "driver 12"),
    ),
    Detector(
        kind="vin", label="pii.vehicle", shown="vehicle", check="vin", alone=70, bare=10, told=95, pattern=r"[A-HJ-NPR-Z0-9]{17}", needs="0",
        context=("vin", "vehicle", "chassis"), examples=("1M8GDM9AXKP042788", "VIN 1HGCM82633A004352"),
        counterexamples=("1M8GDM9A1KP042788", "ABCDEFGHJKLMNPRST"),
    ),
    Detector(
        kind="licence_plate", label="pii.vehicle", shown="vehicle", alone=82, told=85,
        lead=r"(?i:(?:licen[cs]e|number|registration)[ -]plate|plate (?:number|no\.?)|kennzeichen)[ :#]{1,3}(?:is )?",
        pattern=r"[A-Z0-9]{1,4}[ -]?[A-Z0-9]{2,4}[ -]?[A-Z0-9]{0,4}", examples=("license plate: 7ABC123", "number plate AB12 CDE"),
        counterexamples=("plate 12",),
    ),
)  # fmt: skip
