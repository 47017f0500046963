//! What pages say around a text, in the languages that we meet.

use std::sync::LazyLock;

use regex::Regex;

/// What stands over, or before, links to other articles and the like.
const LABELS: &str = "read more|read also|read next|read|see also|see more|also read|also see|also on|more on this|\
    more on|more from|more|related|related articles?|related stories|related posts?|related topics|related content|\
    related news|related coverage|related links?|recommended|recommended stories|recommended for you|you may also like|\
    you might also like|you may like these posts|don'?t miss|continue reading|continue reading below|keep reading|\
    story continues below advertisement|story continues|article continues below advertisement|\
    article continues after advertisement|advertisement|advert|ad|sponsored|sponsored content|share|share this|\
    share this article|share this story|share this post|comments?|leave a comment|leave a reply|post a comment|\
    about the authors?|tags?|filed under|topics|categories|watch|watch now|watch video|top stories|latest news|\
    most popular|most read|trending|trending now|around the web|from around the web|photos|print|email|\
    subscribe|newsletter|\
    xem thêm|đọc thêm|xem tiếp|xem chi tiết|tin liên quan|bài liên quan|bài viết liên quan|tin bài liên quan|\
    các tin liên quan|tin cùng chuyên mục|tin cùng loại|cùng chuyên mục|các tin khác|tin khác|các bài viết khác|\
    bài viết khác|các tin mới hơn|các tin cũ hơn|tin mới hơn|tin cũ hơn|tin mới nhất|tin mới|tin đọc nhiều|đọc nhiều|\
    có thể bạn quan tâm|từ khóa|từ khoá|thẻ|chủ đề|chia sẻ|chia sẻ bài viết|bình luận|gửi bình luận|\
    ý kiến bạn đọc|quảng cáo|trở về|quay lại|in bài viết|in trang|về đầu trang|\
    lire aussi|à lire aussi|a lire aussi|à lire|voir aussi|sur le même sujet|partager|commentaires|publicité|\
    leia também|leia mais|veja também|veja mais|compartilhe|compartilhar|comentários|publicidade|você pode gostar|\
    lea también|lee también|leer más|ver también|te puede interesar|compartir|comentarios|publicidad|\
    lesen sie auch|lesen sie mehr|mehr zum thema|weiterlesen|siehe auch|teilen|kommentare|anzeige|\
    leggi anche|leggi di più|vedi anche|condividi|commenti|pubblicità|lees ook|lees meer|\
    читайте также|по теме|поделиться|комментарии|реклама|читайте також|czytaj też|czytaj także|zobacz też|\
    zobacz także|przeczytaj też|čtěte také|läs också|læs også|les også|lue myös|baca juga|ikuti juga|\
    関連記事|関連リンク|相关阅读|相关新闻|延伸阅读|相關新聞|延伸閱讀|관련기사|関連";

/// What asks readers to follow, subscribe, click, write.
const CALLS: &str = "subscribe (?:to|now|here|today)|sign up|follow us|follow \\S+ on|follow @|follow \\S+$|join (?:our|us)|\
    download (?:the|our)|click here|click to|get the latest|like us|find us on|get \\S+(?: \\S+)? on the go|\
    have a (?:news )?tip|if you have a|send us|to comment on|email us|for more|check out|listen to|watch (?:the|our)|\
    read more|theo dõi (?:chúng tôi|báo|kênh)|đăng ký (?:nhận|theo dõi)|bấm vào đây|nhấn vào đây|mời (?:bạn|quý) đọc|\
    suivez|abonnez|inscrivez|siga|assine|inscreva|clique|síguenos|suscríbete|haz clic|folgen sie|abonnieren|\
    seguici|iscriviti|volg ons|подпи(?:шитесь|сывайтесь)";

/// What stands before the name of an author or a date, outside of the text.
const CREDITS: &str = "by|posted by|written by|published by|published|published on|posted|posted on|updated|\
    last updated|last modified|author|photo by|image|image credit|photo credit|credit|reading time|views|view count|\
    ngày đăng|ngày cập nhật|cập nhật|cập nhật lúc|đăng lúc|đăng ngày|người đăng|lượt xem|số lượt xem|lượt truy cập|\
    par|publié le|publié|mis à jour|por|publicado por|publicado em|publicado el|publicado|atualizado|actualizado|\
    von|veröffentlicht|aktualisiert|di|pubblicato|aggiornato|door|опубликовано|автор|обновлено";

fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a constant pattern")
}

static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?i)^\P{{L}}{{0,3}}(?:{LABELS})\s*[^\p{{L}}\p{{N}}]*(?:\(?\d*\)?)$"))
});
static LABELED: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)^\P{{L}}{{0,3}}(?:{LABELS})\s*(?:[:|»>›→–-]|\.\.\.)")));
static CALL: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)^\P{{L}}{{0,3}}(?:{CALLS})")));
static CREDIT: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)^\P{{L}}{{0,3}}(?:{CREDITS})(?:\s*:|\s+[\p{{Lu}}\p{{N}}@])")));
/// "Thứ tư, 22/10/2025, 19:25 (GMT+7)" and nothing else.
static DATE_LINE: LazyLock<Regex> = LazyLock::new(|| {
    let day = r"(?:\p{L}[\p{L} ]{0,12},?\s*)?\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}";
    let time = r"(?:[\s,|-]*\d{1,2}[:h]\d{2}(?::\d{2})?(?:\s*(?:AM|PM|SA|CH))?)?";
    let zone = r"(?:\s*\(?(?:GMT|UTC)\s*[+-]?\d{1,2}(?::?\d{2})?\)?)?";
    let worded = r"(?:\p{L}+,?\s+)?(?:\d{1,2}\.?\s+(?:de\s+)?\p{L}{3,12}\.?,?\s+(?:de\s+)?\d{4}|\p{L}{3,12}\.?\s+\d{1,2}(?:st|nd|rd|th)?,\s+\d{4})";
    pattern(&format!(
        "^(?:{day}{time}{zone}|{worded}(?:[\\s,|@-]*(?:at\\s+)?\\d{{1,2}}:\\d{{2}}.{{0,16}})?)$"
    ))
});

/// What a site says of itself below its pages: rights, and how to reach it.
static LEGAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\P{L}{0,3}(?:copyright|all rights reserved|bản quyền|giấy phép (?:số|hoạt động|thiết lập)|ghi rõ nguồn|tous droits|todos (?:os|los) (?:direitos|derechos)|alle rechte|tutti i diritti|無断転載|版权所有|版權所有)|[©®]|all rights reserved|ghi rõ nguồn|무단전재",
    )
});
/// Each of them alone stands in texts, too.
static CONTACT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:địa chỉ|trụ sở|điện thoại|đt|hotline|email|e-mail|fax|tel|phone|website|address)\s*:")
});

/// A site's imprint: its rights, or three ways at least to reach it.
pub(super) fn is_legal(text: &str) -> bool {
    /// Longer texts are about something.
    const LONGEST: usize = 600;
    text.len() <= LONGEST && (LEGAL.is_match(text) || CONTACT.find_iter(text).take(3).count() == 3)
}

/// Nothing but a label.
pub(super) fn is_label(text: &str) -> bool {
    /// Longer than any label in bytes.
    const LONGEST: usize = 120;
    text.len() <= LONGEST && LABEL.is_match(text)
}

/// A label and what it labels.
pub(super) fn is_labeled(text: &str) -> bool {
    LABELED.is_match(text)
}

pub(super) fn is_call(text: &str) -> bool {
    CALL.is_match(text)
}

/// A date, a byline: what stands between headline and text.
pub(super) fn is_credit(text: &str) -> bool {
    DATE_LINE.is_match(text) || CREDIT.is_match(text)
}
