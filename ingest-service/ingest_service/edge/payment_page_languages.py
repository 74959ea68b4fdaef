"""The pages of payment links in the languages that texts come in. Pure.

A page is in the language that its reader's browser asks for: who opens a link may not be who was written to.
"""

import re
from collections.abc import Mapping
from typing import Final

from ingest_service.edge import payment_page_words as en
from ingest_service.edge.payment_page_words import Words

SEPARATORS: Final[Mapping[str, tuple[str, str]]] = {
    "en": (",", "."), "de": (".", ","), "fr": ("\u202f", ","), "es": (".", ","), "pt": (".", ","), "ja": (",", "."),
}  # fmt: skip
"""What stands between thousands and before cents; its keys are the languages there are."""

PHRASES: Final[Mapping[str, Mapping[str, str]]] = {
    "de": {
        en.PAY_NOW: "Jetzt bezahlen", en.PAGE_OF: "Zahlung", en.FOR: "Für {what}", en.REFERENCE: "Rechnung {reference}",
        en.SAFE: "Sie zahlen auf einer sicheren Seite von Stripe. Wir sehen Ihre Karte nie.",
        en.ADD_CARD: "Karte hinterlegen", en.SAFE_CARD: "Das geschieht auf einer sicheren Seite von Stripe. Wir sehen Ihre Karte nie.",
    },
    "fr": {
        en.PAY_NOW: "Payer maintenant", en.PAGE_OF: "Paiement", en.FOR: "Pour {what}", en.REFERENCE: "Facture {reference}",
        en.SAFE: "Vous payez sur une page sécurisée de Stripe. Nous ne voyons jamais votre carte.",
        en.ADD_CARD: "Ajouter une carte", en.SAFE_CARD: "Vous l’ajoutez sur une page sécurisée de Stripe. Nous ne voyons jamais votre carte.",
    },
    "es": {
        en.PAY_NOW: "Pagar ahora", en.PAGE_OF: "Pago", en.FOR: "Por {what}", en.REFERENCE: "Factura {reference}",
        en.SAFE: "Usted paga en una página segura de Stripe. Nunca vemos su tarjeta.",
        en.ADD_CARD: "Añadir tarjeta", en.SAFE_CARD: "La añade en una página segura de Stripe. Nunca vemos su tarjeta.",
    },
    "pt": {
        en.PAY_NOW: "Pagar agora", en.PAGE_OF: "Pagamento", en.FOR: "Por {what}", en.REFERENCE: "Fatura {reference}",
        en.SAFE: "Você paga em uma página segura da Stripe. Nunca vemos seu cartão.",
        en.ADD_CARD: "Adicionar cartão", en.SAFE_CARD: "Você adiciona em uma página segura da Stripe. Nunca vemos seu cartão.",
    },
    "ja": {
        en.PAY_NOW: "今すぐ支払う", en.PAGE_OF: "お支払い", en.FOR: "{what}", en.REFERENCE: "請求書 {reference}",
        en.SAFE: "お支払いはStripeの安全なページで行われます。カード情報が当社に伝わることはありません。",
        en.ADD_CARD: "カードを登録する", en.SAFE_CARD: "カードの登録はStripeの安全なページで行われます。カード情報が当社に伝わることはありません。",
    },
}  # fmt: skip

PAGES: Final[Mapping[str, Mapping[Words, Words]]] = {
    "de": {
        en.CARD: Words("Neue Karte hinterlegen", ()),
        en.NO_CARD_NEEDED: Words("Nichts weiter zu tun", ("Eine neue Karte wird dafür nicht mehr gebraucht.",)),
        en.NO_CARD_HERE: Words("Bitte ändern Sie Ihre Karte dort, wo Sie das Abo abgeschlossen haben", ("Hier ist das nicht möglich.",)),
        en.PAID: Words("Schon bezahlt, vielen Dank", ("Sie müssen nichts weiter tun.",)),
        en.UNDER_WAY: Words("Ihre Zahlung ist unterwegs", ("Banken brauchen manchmal ein paar Tage. Sie müssen nichts weiter tun.",)),
        en.OVER: Words("Nichts zu bezahlen", ("Diese Zahlung wird nicht mehr verlangt.",)),
        en.EXPIRED: Words("Dieser Link ist abgelaufen", ("Links gelten sieben Tage. Öffnen Sie unsere neueste Nachricht oder bitten Sie uns um einen neuen Link.",)),
        en.UNKNOWN: Words("Nicht gefunden", ("Diese Seite gibt es nicht. Bitte prüfen Sie, ob der ganze Link geöffnet wurde.",)),
        en.AWAY: Words("Einen Moment bitte", ("Die Zahlungsseite ist gerade nicht erreichbar. Versuchen Sie es in einer Minute noch einmal.",)),
        en.NOWHERE: Words("Bitte bezahlen Sie dort, wo Sie gekauft haben", ("Diese Zahlung kann nur dort wiederholt werden. Es wurde nichts abgebucht.",)),
        en.TOO_OFTEN: Words("Einen Moment bitte", ("Dieser Link wurde sehr oft geöffnet. Versuchen Sie es in einer Minute noch einmal.",)),
    },
    "fr": {
        en.CARD: Words("Ajouter une nouvelle carte", ()),
        en.NO_CARD_NEEDED: Words("Rien à faire", ("Une nouvelle carte n’est plus nécessaire.",)),
        en.NO_CARD_HERE: Words("Merci de changer de carte là où vous vous êtes abonné", ("Cela n’est pas possible ici.",)),
        en.PAID: Words("Déjà payé, merci", ("Vous n’avez plus rien à faire.",)),
        en.UNDER_WAY: Words("Votre paiement est en cours", ("Les banques peuvent prendre quelques jours. Vous n’avez plus rien à faire.",)),
        en.OVER: Words("Rien à payer", ("Ce paiement n’est plus demandé.",)),
        en.EXPIRED: Words("Ce lien a expiré", ("Les liens sont valables sept jours. Ouvrez notre message le plus récent ou demandez-nous un nouveau lien.",)),
        en.UNKNOWN: Words("Page introuvable", ("Cette page n’existe pas. Vérifiez que le lien a été ouvert en entier.",)),
        en.AWAY: Words("Un instant, s’il vous plaît", ("La page de paiement est momentanément inaccessible. Réessayez dans une minute.",)),
        en.NOWHERE: Words("Merci de payer là où vous avez acheté", ("Ce paiement ne peut être refait que là-bas. Rien n’a été débité.",)),
        en.TOO_OFTEN: Words("Un instant, s’il vous plaît", ("Ce lien a été ouvert de nombreuses fois. Réessayez dans une minute.",)),
    },
    "es": {
        en.CARD: Words("Añadir una tarjeta nueva", ()),
        en.NO_CARD_NEEDED: Words("No hay nada que hacer", ("Ya no hace falta una tarjeta nueva.",)),
        en.NO_CARD_HERE: Words("Cambie su tarjeta donde se suscribió", ("Aquí no es posible cambiarla.",)),
        en.PAID: Words("Ya está pagado, gracias", ("No tiene que hacer nada más.",)),
        en.UNDER_WAY: Words("Su pago está en curso", ("Los bancos pueden tardar unos días. No tiene que hacer nada más.",)),
        en.OVER: Words("No hay nada que pagar", ("Este pago ya no se solicita.",)),
        en.EXPIRED: Words("Este enlace ha caducado", ("Los enlaces valen siete días. Abra nuestro mensaje más reciente o pídanos un enlace nuevo.",)),
        en.UNKNOWN: Words("Página no encontrada", ("Esta página no existe. Compruebe que se ha abierto el enlace completo.",)),
        en.AWAY: Words("Un momento, por favor", ("La página de pago no está disponible ahora. Inténtelo de nuevo en un minuto.",)),
        en.NOWHERE: Words("Pague donde hizo la compra", ("Este pago solo puede repetirse allí. No se ha cobrado nada.",)),
        en.TOO_OFTEN: Words("Un momento, por favor", ("Este enlace se ha abierto muchas veces. Inténtelo de nuevo en un minuto.",)),
    },
    "pt": {
        en.CARD: Words("Adicionar um novo cartão", ()),
        en.NO_CARD_NEEDED: Words("Nada a fazer", ("Um novo cartão não é mais necessário.",)),
        en.NO_CARD_HERE: Words("Troque seu cartão onde você assinou", ("Não é possível trocar aqui.",)),
        en.PAID: Words("Já está pago, obrigado", ("Você não precisa fazer mais nada.",)),
        en.UNDER_WAY: Words("Seu pagamento está em andamento", ("Os bancos podem levar alguns dias. Você não precisa fazer mais nada.",)),
        en.OVER: Words("Nada a pagar", ("Este pagamento não é mais solicitado.",)),
        en.EXPIRED: Words("Este link expirou", ("Os links valem por sete dias. Abra nossa mensagem mais recente ou peça um novo link.",)),
        en.UNKNOWN: Words("Página não encontrada", ("Esta página não existe. Verifique se o link foi aberto por inteiro.",)),
        en.AWAY: Words("Um momento, por favor", ("A página de pagamento não está disponível agora. Tente de novo em um minuto.",)),
        en.NOWHERE: Words("Pague onde você comprou", ("Este pagamento só pode ser refeito lá. Nada foi cobrado.",)),
        en.TOO_OFTEN: Words("Um momento, por favor", ("Este link foi aberto muitas vezes. Tente de novo em um minuto.",)),
    },
    "ja": {
        en.CARD: Words("新しいカードの登録", ()),
        en.NO_CARD_NEEDED: Words("お手続きは不要です", ("新しいカードの登録は必要なくなりました。",)),
        en.NO_CARD_HERE: Words("ご契約先でカードを変更してください", ("このページでは変更できません。",)),
        en.PAID: Words("お支払い済みです。ありがとうございます", ("お手続きは必要ありません。",)),
        en.UNDER_WAY: Words("お支払いの処理中です", ("金融機関により数日かかることがあります。お手続きは必要ありません。",)),
        en.OVER: Words("お支払いは不要です", ("このお支払いの請求は終了しました。",)),
        en.EXPIRED: Words("リンクの有効期限が切れています", ("リンクの有効期限は7日間です。最新のメッセージを開くか、新しいリンクをご請求ください。",)),
        en.UNKNOWN: Words("ページが見つかりません", ("このページは存在しません。リンク全体が開かれているかご確認ください。",)),
        en.AWAY: Words("少々お待ちください", ("現在、お支払いページに接続できません。1分後にもう一度お試しください。",)),
        en.NOWHERE: Words("ご購入先でお支払いください", ("このお支払いはご購入先でのみやり直せます。請求は発生していません。",)),
        en.TOO_OFTEN: Words("少々お待ちください", ("このリンクは何度も開かれました。1分後にもう一度お試しください。",)),
    },
}  # fmt: skip

_ASKED: Final = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?")
_LONGEST_HEADER: Final = 512


def asked_for(accept_language: str) -> str:
    """The language of ours that a browser likes best (RFC 9110, Accept-Language); English where it names none of them."""
    liked: list[tuple[float, int, str]] = []
    for place, one in enumerate(accept_language[:_LONGEST_HEADER].split(",")):
        found = _ASKED.fullmatch(one)
        if found and found[1].lower() in SEPARATORS and (weight := float(found[2] or 1)) > 0:
            liked.append((-weight, place, found[1].lower()))
    return min(liked)[2] if liked else en.LANGUAGE


def page(what: Words, language: str) -> Words:
    """What a page says, in a language."""
    return PAGES.get(language, {}).get(what, what)


def phrase(words: str, language: str) -> str:
    """A line of the payable page, in a language."""
    return PHRASES.get(language, {}).get(words, words)


def number(english: str, language: str) -> str:
    """A number as "1,249.00", written as the language does."""
    return english.translate(str.maketrans(",.", "".join(SEPARATORS[language])))
