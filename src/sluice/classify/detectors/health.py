"""Health: what somebody has, who treats them, who pays."""

from __future__ import annotations

from sluice.classify.detector import COUNTED, Detector

HEALTH: tuple[Detector, ...] = (
    Detector(
        kind="icd_code", label="phi.diagnosis", shown="diagnosis", alone=5, told=88, needs="0",
        pattern=r"[A-TV-Z][0-9][0-9AB](?:\.[0-9A-TV-Z]{1,4})?",
        context=("icd", "icd10", "icd9", "diagnosis", "diagnosed", "diagnoses", "dx", "diagnose", "condition", "comorbidity"),
        examples=("diagnosis: E11.9", "ICD-10 code J45", "dx F32.1"), counterexamples=("E11.9", "gate B12", "version V1.2"),
    ),
    Detector(
        kind="npi", label="phi.provider", shown="provider", check="npi", alone=10, told=92, pattern=r"[12][0-9]{9}",
        context=("npi", "provider", "physician", "prescriber"), against=COUNTED,
        examples=("NPI 1234567893", "provider npi: 1245319599"), counterexamples=("1234567893", "NPI 1234567890"),
    ),
    Detector(
        kind="dea_number", label="phi.provider", shown="provider", check="dea", alone=62, told=94,
        pattern=r"[ABCDEFGHJKLMNPRSTUX][A-Z9][0-9]{7}", context=("dea", "prescriber"), against=COUNTED,
        examples=("DEA AB1234563",), counterexamples=("AB1234564", "order AB1234563"),
    ),
    Detector(
        kind="mbi", label="phi.insurance", shown="insurance", alone=82, told=95, needs="0",
        pattern=r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}",
        context=("medicare", "mbi", "beneficiary"), against=COUNTED,
        examples=("1EG4-TE5-MK73", "medicare 1EG4TE5MK73"), counterexamples=("1EG4-TB5-MK73",),
    ),
    Detector(
        kind="mrn", label="phi.record", shown="record", alone=88, told=90, bound="token",
        lead=r"(?i:mrn|medical record(?: number| no\.?| #)?|patient[ _-]?(?:id|number|no\.?|identifier)|chart (?:number|no\.?))[\"']?[ :=#]{1,4}(?:is )?[\"']?",
        pattern=r"[A-Za-z]{0,3}-?[0-9]{5,12}", examples=("MRN: 00456789", "patient id H-1234567", "medical record number 778899"),
        counterexamples=("mrn pending", "patient 12"),
    ),
    Detector(
        kind="record_by_name", label="phi.record", shown="record", alone=0, told=80, needs="n", pattern=r"[A-Za-z]{0,3}-?[0-9]{5,12}",
        context=("mrn", "medicalrecord", "patientid", "patientno", "patientnumber"), examples=(),
    ),
    Detector(
        kind="insurance_number", label="phi.insurance", shown="insurance", alone=82, told=85,
        lead=r"(?i:(?:insurance|health plan|member|subscriber|insurance policy|medicaid|hicn)(?: card)?[ _-]?(?:id|number|no\.?|#|policy))[\"']?[ :=#]{1,4}(?:is )?[\"']?",
        pattern=r"[A-Za-z]{0,4}-?[0-9][0-9A-Za-z-]{5,15}", against=("social", "national"),
        examples=("member ID: XYZ123456789", "insurance number 12-3456-78"), counterexamples=("member since 2019", "insurance policy change", "social insurance number 123-456-789"),
    ),
    Detector(
        kind="insurance_by_name", label="phi.insurance", shown="insurance", alone=0, told=80, needs="n", pattern=r"[A-Za-z]{0,4}-?[0-9][0-9A-Za-z-]{5,15}",
        context=("insuranceid", "insurancenumber", "insuranceno", "memberid", "subscriberid", "healthplan", "policyholder"), examples=(),
    ),
    Detector(
        kind="kvnr", label="phi.insurance", shown="insurance", alone=5, told=88, pattern=r"[A-Z][0-9]{9}",
        context=("krankenversicherung", "versichertennummer", "kvnr", "krankenkasse", "krankenversichertennummer"),
        examples=("KVNR A123456780", "Versichertennummer: M987654321"), counterexamples=("A123456780",),
    ),
    Detector(
        kind="nhs_number", label="phi.insurance", shown="insurance", check="gb_nhs", alone=45, bare=10, told=93,
        pattern=r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", context=("nhs", "nhsnumber"), against=COUNTED,
        examples=("NHS number 943 476 5919", "nhs: 9434765919"), counterexamples=("nhs 943 476 5918", "9434765919"),
    ),
    Detector(
        kind="medicare_au", label="phi.insurance", shown="insurance", check="au_medicare", alone=40, bare=10, told=92,
        pattern=r"[2-6][0-9]{3} ?[0-9]{5} ?[0-9](?:[ /-]?[0-9])?", context=("medicare",), against=COUNTED,
        examples=("Medicare 2123 45670 1",), counterexamples=("2123456701", "medicare 2123 45671 1"),
    ),
)  # fmt: skip
