//! Words that belong to the word after them: articles, prepositions, conjunctions, possessives and titles.
//!
//! The commonest of the languages that are heard most often; another language does without.

const ENGLISH: &str = "a an the this that these those my your his her its our their some any no every each \
    of in on at by for with from to into onto upon about over under after before between through during \
    without within against among toward towards across behind beside beyond near since until till like as \
    than and or but nor so yet if because although though while when where which who whose whom what why \
    how not very too mr. mrs. ms. dr. prof. st. mr mrs ms dr i'm you're he's she's it's we're they're i we \
    is are was were be been am do does did have has had will would can could shall should may might must";
const GERMAN: &str = "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem \
    keiner mein meine meinen meinem meiner dein deine sein seine seinen seinem seiner ihr ihre ihren ihrem \
    unser unsere euer eure dieser diese dieses diesen diesem jeder jede jedes in im ins an am ans auf aus \
    bei beim mit nach seit von vom zu zum zur für gegen ohne um durch über unter vor hinter neben zwischen \
    während wegen bis als wie und oder aber denn sondern dass daß weil wenn ob obwohl damit bevor nachdem \
    nicht sehr herr frau dr. prof.";
const FRENCH: &str = "le la les un une des du de au aux ce cet cette ces mon ma mes ton ta tes son sa ses \
    notre nos votre vos leur leurs à en dans sur sous par pour avec sans chez vers entre pendant depuis \
    contre et ou mais donc or ni car que qui quand si comme dont où ne pas très je tu il elle on nous vous \
    ils elles m. mme mlle dr";
const SPANISH: &str = "el la los las un una unos unas lo al del de a en con sin por para sobre entre hacia \
    hasta desde durante según contra mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos \
    estas ese esa esos esas y e o u pero sino ni que quien cuando si como donde porque aunque no muy se me \
    te le les nos sr. sra. dr. dra.";
const ITALIAN: &str = "il lo la i gli le un uno una del dello della dei degli delle al allo alla ai agli alle \
    dal dallo dalla dai dagli dalle nel nello nella nei negli nelle sul sullo sulla sui sugli sulle di a da \
    in con su per tra fra mio mia tuo tua suo sua nostro nostra vostro vostra loro questo questa questi \
    queste quello quella e ed o ma però che chi quando se come dove perché non molto mi ti si ci vi sig. \
    dott.";
const PORTUGUESE: &str = "o a os as um uma uns umas do da dos das no na nos nas ao à aos às pelo pela pelos \
    pelas de em com sem por para sobre entre até desde durante contra meu minha teu tua seu sua nosso nossa \
    este esta estes estas esse essa e ou mas nem que quem quando se como onde porque embora não muito me te \
    lhe sr. sra. dr. dra.";
const DUTCH: &str = "de het een dit dat deze die mijn jouw zijn haar ons onze hun in op aan bij met van voor \
    naar uit over onder tussen door tegen zonder om te tot sinds tijdens en of maar want dus als dan dat \
    omdat hoewel terwijl wanneer waar wie wat niet geen zeer heel dhr. mevr. dr.";

/// Whether a word belongs to the next one, in a language by its ISO 639-1 code.
pub(super) fn is_bound(word: &str, language: &str) -> bool {
    let words = match language {
        "en" => ENGLISH,
        "de" => GERMAN,
        "fr" => FRENCH,
        "es" => SPANISH,
        "it" => ITALIAN,
        "pt" => PORTUGUESE,
        "nl" => DUTCH,
        _ => return false,
    };
    let word = word.trim_start_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
    words.split_whitespace().any(|bound| bound == word)
}
