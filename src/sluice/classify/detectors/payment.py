"""Payment: cards, accounts, wallets."""

from __future__ import annotations

from sluice.classify.detector import COUNTED, Detector

PAYMENT: tuple[Detector, ...] = (
    Detector(
        kind="card_track", label="pci.track", shown="card", bound="open", alone=97, told=98, reach=120,
        pattern=r"(?:%?B[0-9]{12,19}\^[^^\s][^^]{1,26}\^[0-9]{4,40}|[2-6][0-9]{12,18}=[0-9]{7,24})",
        examples=("%B4242424242424242^DOE/JANE^29011010000000000000", ";4242424242424242=29011010000012345678?"),
        counterexamples=("4242=1234567",),
    ),
    Detector(
        kind="card", label="pci.pan", shown="card", check="card", alone=95, bare=88, told=98, against=COUNTED,
        pattern=r"[2-6](?:[ -]?[0-9]){13,18}",
        context=("card", "cards", "credit", "debit", "visa", "mastercard", "amex", "pan", "cc", "cardnumber", "ccnum", "ccnumber"),
        examples=(
            "4242424242424242", "pay with 4111 1111 1111 1111 please", "5555-5555-5555-4444", "card 378282246310005",
            "mir 2200 0000 0000 0004",
        ),
        counterexamples=("4242424242424241", "order 4242424242424242", "1700000000000000", "4222222222222222222222", "4111.1111.1111.1111"),
    ),
    Detector(
        kind="cvv", label="pci.cvv", shown="cvv", alone=92, told=95, bound="word",
        lead=r"(?i:cvv2?|cvc2?|cid|csc|(?:card )?(?:security|verification) (?:code|value))(?: (?:code|number|no))?[ :=\"'#]{1,4}(?:is |: ?)?",
        pattern=r"[0-9]{3,4}",
        examples=("CVV: 123", "the security code is 4567", '{"cvc": "321"}'),
        counterexamples=("see page 123", "error code 404"),
    ),
    Detector(
        kind="cvv_by_name", label="pci.cvv", shown="cvv", alone=0, told=92, needs="n", pattern=r"[0-9]{3,4}",
        context=("cvv", "cvc", "cvv2", "cvc2", "securitycode", "csc"), examples=(),
    ),
    Detector(
        kind="iban", label="pci.iban", shown="iban", check="iban", alone=98, told=99, bound="word",
        pattern=r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?",
        context=("iban", "account", "konto"),
        examples=("DE89370400440532013000", "IBAN GB29 NWBK 6016 1331 9268 19 thanks", "fr1420041010050500013m02606"),
        counterexamples=("DE89370400440532013001", "GB29 NWBK 6016"),
    ),
    Detector(
        kind="bic", label="pci.bic", shown="bic", check="bic", alone=5, told=88, pattern=r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?",
        context=("bic", "swift", "biccode", "swiftcode"),
        examples=("BIC: DEUTDEFF500", "swift code NWBKGB2L"),
        counterexamples=("DOCUMENT", "swift REACTION"),
    ),
    Detector(
        kind="routing_number", label="pci.account", shown="account", check="aba", alone=5, told=88, pattern=r"[0-9]{9}",
        context=("routing", "aba", "rtn", "transit", "routingnumber"),
        examples=("routing number 021000021", "ABA 011401533"), counterexamples=("021000021", "routing 123456789"),
    ),
    Detector(
        kind="account_number", label="pci.account", shown="account", alone=85, told=85,
        lead=r"(?i:(?:(?:bank|checking|savings|current) )?(?:account|acct|a/c|konto)[ -]?(?:number|no\.?|num|nummer|#)?)[ :=#]{1,3}(?:is )?",
        pattern=r"[0-9]{8,17}", against=("order", "invoice", "customer", "user", "twitter", "aws"),
        examples=("account number: 0012345678", "my bank account no. 12345678 please"),
        counterexamples=("account created 2024", "account age: 12 days"),
    ),
    Detector(
        kind="sort_code", label="pci.account", shown="account", alone=85, told=85,
        lead=r"(?i:sort[ -]?code)[ :=]{1,3}(?:is )?", pattern=r"[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{2}",
        examples=("sort code: 20-00-00", "Sort Code 200000"), counterexamples=("sort 20-00-00",),
    ),
    Detector(
        kind="account_by_name", label="pci.account", shown="account", alone=0, told=80, needs="n",
        pattern=r"[0-9]{2}-?[0-9]{2}-?[0-9]{2,13}",
        context=("accountnumber", "accountno", "acctnumber", "acctno", "bankaccount", "routingnumber", "sortcode", "kontonummer"),
        examples=(),
    ),
    Detector(
        kind="bitcoin_address", label="pci.wallet", shown="wallet", check="bitcoin", alone=96, told=98, reach=96,
        pattern=r"(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[a-z0-9]{11,71})",
        context=("bitcoin", "btc", "wallet"),
        examples=("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        counterexamples=("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"),
    ),
    Detector(
        kind="ethereum_address", label="pci.wallet", shown="wallet", alone=75, told=95, pattern=r"0x[0-9a-fA-F]{40}",
        context=("ethereum", "eth", "wallet", "erc20"), against=("hash", "commit", "digest", "sha1"),
        examples=("wallet 0x52908400098527886E0F7030069857D2E4169EE7",),
        counterexamples=("0x" + "ab" * 32, "hash 0x52908400098527886E0F7030069857D2E4169EE7"),
    ),
)  # fmt: skip
