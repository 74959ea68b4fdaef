"""What a call says: a text made fit for the ear, the voices, and our own few sentences around it. Pure."""

import re
from collections.abc import Collection, Mapping
from typing import Final, Literal

_END_OF_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")
_FOR_THE_EYE: Final = re.compile(r"://|\bSTOP\b")

VOICES: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("en-US", "Polly.Joanna"), "en-GB": ("en-GB", "Polly.Amy"), "en-AU": ("en-AU", "Polly.Nicole"),
    "de": ("de-DE", "Polly.Vicki"), "fr": ("fr-FR", "Polly.Lea"), "fr-CA": ("fr-CA", "Polly.Chantal"),
    "es": ("es-ES", "Polly.Lucia"), "es-MX": ("es-MX", "Polly.Mia"), "es-US": ("es-US", "Polly.Lupe"),
    "pt": ("pt-BR", "Polly.Camila"), "pt-PT": ("pt-PT", "Polly.Ines"), "ja": ("ja-JP", "Polly.Mizuki"),
}  # fmt: skip
"""BCP 47 tag to Twilio's language and voice."""

Prompt = Literal["keys", "keys_of_message", "yes", "no", "unclear", "nothing", "machine", "stopped", "over"]

_PROMPTS: Final[Mapping[str, Mapping[Prompt, str]]] = {
    "en": {
        "keys": "Press 1 for yes. Press 2 for no. Press 9 to hear this again. To get no more calls, press 7.",
        "keys_of_message": "Press 9 to hear this again. To get no more calls, press 7.",
        "yes": "Thank you. You answered yes. Goodbye.",
        "no": "Thank you. You answered no. Goodbye.",
        "unclear": "That was not understood.",
        "nothing": "Nothing was pressed. Goodbye.",
        "machine": "This is {brand} with a question for you. Please look at our message, or call us. Goodbye.",
        "stopped": "You will get no more calls from {brand}. Goodbye.",
        "over": "This question is answered already. Thank you. Goodbye.",
    },
    "de": {
        "keys": "Für Ja drücken Sie die 1. Für Nein drücken Sie die 2. Um dies noch einmal zu hören, drücken Sie die 9. "
        "Wenn Sie keine Anrufe mehr wünschen, drücken Sie die 7.",
        "keys_of_message": "Um dies noch einmal zu hören, drücken Sie die 9. Wenn Sie keine Anrufe mehr wünschen, drücken Sie die 7.",
        "yes": "Vielen Dank. Sie haben mit Ja geantwortet. Auf Wiederhören.",
        "no": "Vielen Dank. Sie haben mit Nein geantwortet. Auf Wiederhören.",
        "unclear": "Das wurde nicht verstanden.",
        "nothing": "Es wurde keine Taste gedrückt. Auf Wiederhören.",
        "machine": "Hier ist {brand} mit einer Frage an Sie. Bitte sehen Sie in unsere Nachricht oder rufen Sie uns an. Auf Wiederhören.",
        "stopped": "Sie erhalten keine Anrufe von {brand} mehr. Auf Wiederhören.",
        "over": "Diese Frage ist bereits beantwortet. Vielen Dank. Auf Wiederhören.",
    },
    "fr": {
        "keys": "Pour oui, appuyez sur 1. Pour non, appuyez sur 2. Pour réécouter, appuyez sur 9. Pour ne plus recevoir d'appels, appuyez sur 7.",
        "keys_of_message": "Pour réécouter, appuyez sur 9. Pour ne plus recevoir d'appels, appuyez sur 7.",
        "yes": "Merci. Vous avez répondu oui. Au revoir.",
        "no": "Merci. Vous avez répondu non. Au revoir.",
        "unclear": "Votre réponse n'a pas été comprise.",
        "nothing": "Aucune touche n'a été pressée. Au revoir.",
        "machine": "Ici {brand}, nous avons une question à vous poser. Merci de lire notre message ou de nous appeler. Au revoir.",
        "stopped": "Vous ne recevrez plus d'appels de {brand}. Au revoir.",
        "over": "Cette question a déjà reçu une réponse. Merci. Au revoir.",
    },
    "es": {
        "keys": "Para sí, pulse 1. Para no, pulse 2. Para repetir, pulse 9. Si no desea recibir más llamadas, pulse 7.",
        "keys_of_message": "Para repetir, pulse 9. Si no desea recibir más llamadas, pulse 7.",
        "yes": "Gracias. Ha respondido que sí. Adiós.",
        "no": "Gracias. Ha respondido que no. Adiós.",
        "unclear": "No se ha entendido la respuesta.",
        "nothing": "No se ha pulsado ninguna tecla. Adiós.",
        "machine": "Le llama {brand} con una pregunta. Por favor, lea nuestro mensaje o llámenos. Adiós.",
        "stopped": "No recibirá más llamadas de {brand}. Adiós.",
        "over": "Esta pregunta ya tiene respuesta. Gracias. Adiós.",
    },
    "pt": {
        "keys": "Para sim, tecle 1. Para não, tecle 2. Para ouvir de novo, tecle 9. Para não receber mais ligações, tecle 7.",
        "keys_of_message": "Para ouvir de novo, tecle 9. Para não receber mais ligações, tecle 7.",
        "yes": "Obrigado. A sua resposta foi sim. Até logo.",
        "no": "Obrigado. A sua resposta foi não. Até logo.",
        "unclear": "A resposta não foi entendida.",
        "nothing": "Nenhuma tecla foi pressionada. Até logo.",
        "machine": "Aqui é {brand} com uma pergunta para você. Por favor, veja a nossa mensagem ou ligue para nós. Até logo.",
        "stopped": "Você não receberá mais ligações de {brand}. Até logo.",
        "over": "Esta pergunta já foi respondida. Obrigado. Até logo.",
    },
    "ja": {
        "keys": "はいの場合は1を、いいえの場合は2を押してください。もう一度聞く場合は9を、今後の電話を希望されない場合は7を押してください。",
        "keys_of_message": "もう一度聞く場合は9を、今後の電話を希望されない場合は7を押してください。",
        "yes": "ありがとうございます。「はい」と承りました。失礼いたします。",
        "no": "ありがとうございます。「いいえ」と承りました。失礼いたします。",
        "unclear": "お答えを確認できませんでした。",
        "nothing": "番号が押されませんでした。失礼いたします。",
        "machine": "{brand}から確認のお電話です。メッセージをご覧いただくか、お電話ください。失礼いたします。",
        "stopped": "今後、{brand}からお電話はいたしません。失礼いたします。",
        "over": "この質問にはすでにお答えいただいています。ありがとうございました。失礼いたします。",
    },
}


def for_the_ear(text: str, unsaid: Collection[str]) -> str:
    """A text without the sentences that are for the eye: those with a link, with STOP, or with one of the words in ``unsaid``.

    Where nothing would be left, the text as it is.
    """
    sentences = [one for one in _END_OF_SENTENCE.split(text) if one]
    kept = [
        one for one in sentences if not _FOR_THE_EYE.search(one) and not any(word and word in one for word in unsaid)
    ]
    return " ".join(kept) or text


def voice(language: str) -> tuple[str, str]:
    """Twilio's language and voice for words in this language; English where we have none."""
    return VOICES.get(language) or VOICES.get(language.partition("-")[0]) or VOICES["en"]


def prompt(which: Prompt, language: str, brand: str) -> str:
    """One of our own sentences; English where it is not in this language."""
    spoken = _PROMPTS.get(language.partition("-")[0], _PROMPTS["en"])
    return spoken[which].format(brand=brand)
