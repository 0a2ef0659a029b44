"""Words printed around signatures: closings, names, titles, sentences, in many languages."""

from __future__ import annotations

import numpy as np


def _listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.split("|"))


CLOSINGS = _listed(
    """
    Sincerely, | Sincerely yours, | Yours sincerely, | Yours faithfully, | Cordially, | Very truly
    yours, | Best regards, | Kind regards | Respectfully submitted, | Yours, | With best wishes, |
    Regards, | Respectfully yours, | Thank you, | Signed: | By: | For and on behalf of | Authorised
    signatory | IN WITNESS WHEREOF | Accepted and agreed: | Mit freundlichen Grüßen |
    Hochachtungsvoll | Freundliche Grüsse | i. A. | gez. | Met vriendelijke groet, | Hoogachtend, |
    Veuillez agréer, Monsieur, | Cordialement, | Atentamente, | Le saluda atentamente, | Distinti
    saluti | Atenciosamente, | Z poważaniem | Med vänlig hälsning | Med venlig hilsen | S pozdravem
    | Üdvözlettel | Saygılarımızla | С уважением, | Με εκτίμηση, | С повагою | 敬具 | 此致 敬礼
    """
)
FIRST_NAMES = _listed(
    """
    James | Mary | Robert | Patricia | Michael | Linda | David | Susan | Anna | Peter | Jan | Pieter
    | Marieke | Jürgen | Käthe | François | Hélène | José | Núria | Jens | Søren | Åsa | Zoë |
    Łukasz | Jiří | Şebnem | Gábor | Ioana | Mehmet | Fatima | Wei | Hiroshi | Yuki | Min-jun |
    Nguyen | Amit | Priya | Kwame | Chinedu | Aisha
    """
)
LAST_NAMES = _listed(
    """
    Smith | Johnson | Williams | Jones | O'Brien | McCarthy | Taylor | Whelan | Koplow | de Vries |
    van den Berg | Müller | Schröder | Lefèvre | García | Muñoz | Rossi | Gonçalves | Sørensen |
    Åkesson | Wójcik | Dvořák | Yılmaz | Horváth | Popescu | Tanaka | Watanabe | Zhang | Kim | Tran
    | Patel | Singh | Okafor | Mensah | Haddad
    """
)
OTHER_NAMES = _listed(
    """
    Иванов И. П. | Ольга Петрова | Георгиос Παππάς | Μαρία Οικονόμου | 山田 太郎
    | 佐藤花子 | 王小明 | 李伟 | 김민수 | 박지영 | דוד כהן | Олександр Шевченко | สมชาย ใจดี
    """
)
TITLES = _listed(
    """
    Director | President | Vice President | Executive Vice President | Secretary | Manager | Senior
    Product Manager | Chairman | Treasurer | Notary Public | Attorney at Law | Chief Executive
    Officer | Professor of Medicine | Department of Immunology | Controller | Geschäftsführer |
    Prokurist | Abteilungsleiter | Directeur général | Le Gérant | Directeur | Bestuurder | Gerente
    | El Secretario | Amministratore delegato | Kierownik | Генеральный директор | 代表取締役
    | Head of Human Resources | Witness | Applicant
    """
)
CAPTIONS = _listed(
    """
    Signature | Date | Name | Print name | Title | Witness | Signed | Applicant | No. | Signature of
    applicant | Place and date | Authorized signature | Sign here | Initials | Account holder |
    Parent or guardian | For office use only | SIGNATURE | DATE | AMOUNT | Unterschrift | Datum |
    Ort, Datum | Firma | Stempel | Name in Blockbuchstaben | Unterschrift des Antragstellers | Nom |
    Prénom | Fait à | Lu et approuvé | Le | Signature du titulaire | Handtekening | Naam | Plaats |
    Firma y sello | Fecha | Nombre | Assinatura | Data | Firma leggibile | Luogo e data | Podpis |
    Imię i nazwisko | Aláírás | İmza | Underskrift | Allekirjoitus | Подпись | Дата | Υπογραφή
    | 署名 | 氏名 | 签字 | 日期 | 서명 | 성명 | (signature) | X | (ink) | Customer | Received by
    | Approved by
    """
)
_RUNNING = """
    the of and to in is that for it as was with be by on not he his but at are this have from or had
    an they which one you were all her she there would their we him been has when who will no more
    if out so up said what its about than into them can only other time new some could these two may
    first then do any like my now over such our man me even most made after also did many off before
    must well back through years much where your way down should because long each just state those
    people too Mr how little good world make very year still see own work men day get here between
    both life being under three never know same last another while us might great old agreement
    pursuant hereby undersigned payment amount contract research department committee enclosed
    request information pleased receipt letter regarding meeting approved und der die das nicht mit
    auf für von zum werden haben eine über bitte Vertrag gemäß Betrag le la les des une pour dans
    sur avec est sont nous vous été présent contrat société même de het een van dat voor niet zijn
    worden door ook naar hebben overeenkomst bedrag el los las una por para con del se más como
    contrato señor fecha importe presente
"""
WORDS = tuple(_RUNNING.split())
WATERMARKS = _listed(
    """
    COPY | VOID | DRAFT | SPECIMEN | ORIGINAL | CONFIDENTIAL | SAMPLE | DUPLICATE | MUSTER | KOPIE
    | COPIA | ENTWURF | PAID | TRUST | SECURE | BANK
    """
)
COMPANIES = _listed(
    """
    Northwind | Meridian | Harbour | Atlas | Vertex | Kestrel | Union | Delta | Orion | Heinemann &
    Söhne | Dupont Frères | Van Houten | Nordisk | Sakura | First National
    """
)
LEGAL_FORMS = _listed("Inc. | Ltd. | GmbH | B.V. | S.A. | AG | LLC | & Co. | plc | Bank | S.p.A.")
STREETS = _listed(
    """
    Main Street | Jefferson Davis Highway | Park Avenue | Hauptstraße | Kerkstraat
    """
)
TOWNS = _listed(
    """
    Boston, MA 02115 | London SW1A 1AA | 10117 Berlin | 1017 AB Amsterdam | 75008 Paris
    """
)


def one_of(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    """One of `choices`, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def name(rng: np.random.Generator) -> str:
    """A printed name, with accents, initials and degrees; now and then in another script."""
    if rng.random() < 0.08:
        return one_of(rng, OTHER_NAMES)
    first, last = one_of(rng, FIRST_NAMES), one_of(rng, LAST_NAMES)
    middle = f" {chr(int(rng.integers(65, 91)))}." if rng.random() < 0.45 else ""
    if rng.random() < 0.2:
        first = f"{first[0]}."
    before = one_of(rng, ("Dr. ", "Mr. ", "Prof. ", "Mrs. ")) if rng.random() < 0.12 else ""
    after = one_of(rng, (", Ph.D.", ", M.D.", ", Esq.", " Jr.")) if rng.random() < 0.15 else ""
    return f"{before}{first}{middle} {last}{after}"


def company(rng: np.random.Generator) -> str:
    """The name of a firm."""
    return f"{one_of(rng, COMPANIES)} {one_of(rng, LEGAL_FORMS)}"


def number(rng: np.random.Generator) -> str:
    """Figures as pages carry them: dates, amounts, telephone and file numbers."""
    a, b, c = (int(n) for n in rng.integers(1, [29, 13, 9999]))
    kinds = (
        *(f"{a:02d}/{b:02d}/{1950 + c % 80}", f"{a}. {b}. {1950 + c % 80}", f"{c:,}.{a:02d}"),
        *(f"({c % 900 + 100}) {c % 899 + 100}-{c:04d}", f"No. {c * 9973 % 10**8:08d}", f"- {a} -"),
        *(
            f"EUR {c}.{a:02d}",
            f"${c:,}.00",
            f"Ref. {a}/{b}-{c}",
            f"{1950 + c % 80}-{b:02d}-{a:02d}",
        ),
    )
    return one_of(rng, kinds)


def contact(rng: np.random.Generator) -> str:
    """One line of an address: a street, a town, a telephone number, an e-mail address."""
    user, house = one_of(rng, FIRST_NAMES).lower(), int(rng.integers(1, 3000))
    kinds = (
        *(f"{house} {one_of(rng, STREETS)}", one_of(rng, TOWNS), f"Tel. {number(rng)}"),
        *(f"{user}@{one_of(rng, COMPANIES[:9]).lower()}.com", f"www.{user}.org", company(rng)),
    )
    return one_of(rng, kinds)


def words(rng: np.random.Generator, count: int) -> list[str]:
    """`count` running words with the odd number, capital, comma and full stop."""
    chosen = [WORDS[int(i)] for i in rng.integers(len(WORDS), size=count)]
    marks = rng.random(count)
    for i, mark in enumerate(marks):
        if mark < 0.06:
            chosen[i] += "."
        elif mark < 0.12:
            chosen[i] += ","
        elif mark < 0.2:
            chosen[i] = chosen[i].capitalize()
        elif mark < 0.24:
            chosen[i] = number(rng)
    return chosen


def signatory(rng: np.random.Generator) -> list[str]:
    """The one to four lines printed under a signature."""
    lines = [name(rng)]
    if rng.random() < 0.6:
        lines.append(one_of(rng, TITLES))
    if rng.random() < 0.3:
        lines.append(company(rng))
    if rng.random() < 0.25:
        lines.append(contact(rng))
    return lines
