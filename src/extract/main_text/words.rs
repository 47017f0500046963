//! The words by which sites say what is not the article, in the languages that they are most often written in.

use std::sync::LazyLock;

use regex::Regex;

/// A line that says whose a picture is, and nothing else: "(Credit: iStock)", "Photo: John Locher, AP", "Ảnh: TTXVN".
pub(super) const CREDIT: &str = r"(?i)^[\(\[]?\s*(?:photo|photos|photograph|image|images|picture|credit|photo credit|image credit|foto|fotos|bild|crédit|crédit photo|ảnh|ảnh minh họa|hình|nguồn ảnh)(?:\s+(?:by|von|par|de))?\s*:\s*.{2,80}$";

fn pattern(text: &'static str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// The line says a date or a time of day of this article, and little else: with at most `rest` other letters.
pub(super) fn is_dated(text: &str, rest: usize) -> bool {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?-u:\b)[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}(?-u:\b)|(?-u:\b)(?:19|20)[0-9][0-9][/.-][0-9]{1,2}[/.-][0-9]{1,2}(?-u:\b)|(?-u:\b)(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+[0-9]{1,2}(?:st|nd|rd|th)?,?\s+(?:at\s+)?(?:19|20)?[0-9][0-9](?-u:\b)|(?-u:\b)[0-9]{1,2}(?:st|nd|rd|th|\.)?\s+(?:de\s+)?(?:jan|feb|fev|mar|mär|apr|abr|avr|may|mai|jun|juin|jul|juil|aug|ago|août|sep|set|oct|okt|out|nov|dec|dez|dic|déc|thg|tháng)\p{L}*\.?\s+(?:de\s+|năm\s+)?(?:[0-9]{1,2},?\s+)?(?:19|20)[0-9][0-9](?-u:\b)|(?:19|20)[0-9][0-9]年[0-9]{1,2}月[0-9]{1,2}日|(?-u:\b)[0-9]+\s+(?:minutes?|hours?|days?|weeks?|months?|years?)\s+ago(?-u:\b)|(?-u:\b)[0-9]+\s+(?:phút|giờ|ngày|tuần|tháng|năm)\s+trước(?-u:\b)",
        )
    });
    // "— Somebody (@name) November 15, 2019" says whose words stand above.
    if text.trim_start().starts_with(['—', '–', '"', '“']) {
        return false;
    }
    if text.len() > 600 || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let Some(found) = DATE.find(text) else { return false };
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
    // "05/10/2018 - By: … - Section: … - Tags: …"
    let labels = text.matches([':', '|', '•', '·']).count();
    let rest = if labels >= 2 { 2 * rest } else { rest };
    letters(text).saturating_sub(letters(found.as_str())) <= rest && text.chars().count() <= 140
}

/// A line under a picture: it ends with whose it is.
pub(super) fn ends_with_credit(text: &str) -> bool {
    static CREDITED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?:[\(\[][^\(\)\[\]]*(?:ap photo|getty|reuters|afp|istock|shutterstock|alamy|epa|nasa|courtesy|image credit|photo credit|credit|photos? by|photo|image|foto|ảnh|nguồn ảnh|ttxvn)[^\(\)\[\]]*[\)\]]\.?|\|\s*(?:getty images|ap|reuters|afp|shutterstock|istock)|/\s*getty images|(?-u:\b)via getty images)\s*$",
        )
    });
    text.chars().count() <= 420 && CREDITED.is_match(text)
}

/// "… Click here for more information."
pub(super) fn asks_for_a_click(text: &str) -> bool {
    static CLICK: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?-u:\b)(?:click|tap) here(?-u:\b)|(?-u:\b)by clicking here(?-u:\b)|(?-u:\b)nhấn vào đây(?-u:\b)|(?-u:\b)bấm vào đây(?-u:\b)|(?-u:\b)clique aqui(?-u:\b)",
        )
    });
    CLICK.is_match(text)
}

/// A paragraph about who wrote the text, and how to reach them.
pub(super) fn is_closing(text: &str) -> bool {
    static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?-u:\b)follow (?:him|her|us|me|them|@\w+)(?-u:\b).{0,60}(?-u:\b)(?:twitter|facebook|instagram|linkedin|@)|(?-u:\b)contributed to this (?:report|story|article)(?-u:\b)|(?-u:\b)can be reached at(?-u:\b)|(?-u:\b)let us know at(?-u:\b)|(?-u:\b)(?:news tip|send (?:us )?(?:tips|an e-?mail)|e-?mail (?:him|her|us|the author) at)(?-u:\b)|(?-u:\b)is an? (?:staff|senior|freelance|contributing|associate|lead) (?:writer|editor|reporter|journalist|correspondent)(?-u:\b)|(?-u:\b)sign up for (?:our|the|his|her)(?-u:\b)|(?-u:\b)subscribe to (?:our|the|his|her)(?-u:\b)",
        )
    });
    text.chars().count() <= 600 && CLOSING.is_match(text)
}

/// "By Jane Roe", "Von …", "Theo TTXVN", "Published by …".
pub(super) fn is_byline(text: &str) -> bool {
    static BYLINE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^(?:by|written by|posted by|published by|story by|von|por|par|di|door|av|autor|author|tác giả|người viết|thực hiện|publicado por|publié par)[:\s]\s*.{2,70}$|^(?:published|updated|posted|last updated|first published|publicado|atualizado|publié|mis à jour|veröffentlicht|aktualisiert|cập nhật|đăng ngày|ngày đăng)\b.{0,80}$",
        )
    });
    BYLINE.is_match(text.trim()) && !text.trim_end().ends_with(['.', '!', '?'])
}

/// Lines that belong to the page and not to the text: labels of advertisements, players, galleries, share bars.
pub(super) fn is_noise(text: &str) -> bool {
    static NOISE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^[\W_]*(?:
            advert(?:isement|ising)?s?|ads?|sponsored(?:\ content)?|promoted|publicidade|publicidad|publicité|anzeige|werbung|quảng\ cáo
            |(?:continue|keep)\ reading(?:\ below)?|(?:story|article)\ continues\ below(?:\ advertisement)?|scroll\ (?:down\ )?to\ continue.{0,40}
            |sharing\ is\ caring|share(?:\ (?:this|on|via|it))?(?:\ (?:article|story|post|page|facebook|twitter|whatsapp|email))*|share|tweet|pin(?:\ it)?|chia\ sẻ(?:\ bài\ viết)?|compartilhar|compartir|partager|teilen|gửi\ email|in\ bài(?:\ viết)?
            |comments?|\d+\ comments?|leave\ a\ (?:comment|reply)|bình\ luận|ý\ kiến|view\ comments|show\ comments|comentários|kommentare|commentaires
            |caption|close|hide\ caption|toggle\ caption|enlarge(?:\ (?:this\ )?image)?|click\ to\ enlarge|(?:image|photo|slide)\ \d+\ (?:of|/)\ ?/?\ ?\d+|photo\ gallery|view\ gallery|play(?:\ video)?|watch(?:\ now)?|replay|video|loading\W*
            |print|email|e-mail|save|copy\ link|subscribe(?:\ now)?|sign\ up(?:\ now)?|newsletter|log\ in|back\ to\ top|lên\ đầu\ trang|trở\ về|quay\ lại|xem\ thêm
            |breaking\ news\ emails|\d+\ (?:of|/)\ \d+|\d+\ ?-?(?:min(?:ute)?s?|phút|minutos?)(?:\ (?:read|đọc|de\ leitura))?|(?:reading\ time|tempo\ de\ leitura|thời\ gian\ đọc|lesezeit|temps\ de\ lecture).{0,30}
            |whatsapp|facebook|twitter|pinterest|linkedin|telegram|instagram|zalo
            )[\W_]*$",
        )
    });
    static PROMOTION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^(?:get (?:breaking news|the latest|our|all the latest)\b.{0,140}(?:inbox|newsletter|alerts?|weekday mornings?|delivered).{0,60}|(?:sign up|subscribe) (?:for|to|here)\b.{0,140}|click here to (?:subscribe|sign up|join|register)\b.{0,100}|(?:follow|like|find|join) (?:us|me|him|her|them|@\w+)\b.{0,30}\bon (?:twitter|facebook|instagram|youtube|telegram|whatsapp|linkedin|tiktok)\b.{0,100}|tell us what you think.{0,20}|download (?:our|the) .{0,40}\bapp\b.{0,60})$",
        )
    });
    let line = text.trim();
    line.chars().count() <= 220 && (NOISE.is_match(line) || PROMOTION.is_match(line))
}

/// The line introduces something else to read: "Related: …", "Xem thêm: …".
pub(super) fn introduces_other(text: &str) -> bool {
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^[\W_]*(?:related(?: (?:post|story|stories|article|articles|content|video|coverage|links?))?|read (?:more|also|next|the full)|see also|also read|also on|more(?: (?:on|from|in|about))?|you (?:may|might) (?:also|like)|watch|don'?t miss|recommended|learn more|find out more|xem thêm|đọc thêm|xem tiếp|tin liên quan|bài liên quan|mời (?:bạn|quý vị) (?:đọc|xem)|leia (?:mais|também)|veja (?:mais|também)|saiba mais|lee (?:también|más)|ver también|lire aussi|à lire|voir aussi|mehr zum thema|lesen sie (?:auch|mehr)|siehe auch|leggi anche|lees ook|читайте также)\b",
        )
    });
    OTHER.is_match(text)
}

/// From this line on the page speaks of something else.
pub(super) fn is_end(text: &str) -> bool {
    static END: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^[\W_]*(?:
            about\ the\ authors?|about\ (?:me|us)|author\ bio|
            related(?:\ (?:posts?|stor(?:y|ies)|articles?|content|coverage|news|reading|links?|topics?|tags?))?|
            (?:you\ (?:may|might)\ (?:also\ )?(?:like|enjoy|be\ interested).{0,20})|recommended(?:\ (?:for\ you|stories|reading|articles))?|
            more\ (?:stories|news|articles|from|on|in|like\ this)\b.{0,50}|most\ (?:read|popular|viewed|recent)\b.{0,20}|trending(?:\ now)?|top\ stories|latest(?:\ (?:news|stories|posts|articles|from))?\b.{0,20}|
            (?:\d+\ )?comments?|leave\ a\ (?:comment|reply)|join\ the\ (?:conversation|discussion)|post\ a\ comment|add\ a\ comment|show\ comments|
            share\ this\b.{0,20}|tags?|topics|filed\ under\b.{0,80}|categories|
            sharing\ is\ caring|newsletter|sign\ up\b.{0,60}|subscribe\b.{0,60}|
            tin(?:\ bài)?\ (?:liên\ quan|khác|cùng\ chuyên\ mục|mới(?:\ hơn)?|cũ\ hơn|đọc\ nhiều|nổi\ bật)|bài\ (?:viết\ )?(?:liên\ quan|khác|cùng\ chuyên\ mục)|các\ (?:tin|bài)(?:\ viết)?\ (?:khác|liên\ quan|đã\ đưa)|xem\ nhiều|đọc\ nhiều(?:\ nhất)?|bình\ luận|ý\ kiến\ bạn\ đọc|chủ\ đề|từ\ khó?a|
            artículos\ relacionados|noticias\ relacionadas|leia\ (?:mais|também)|veja\ (?:mais|também)|notícias\ relacionadas|posts?\ relacionados|você\ (?:pode|também)\b.{0,40}|comentários|comentarios|
            articles\ (?:liés|similaires)|à\ lire\ aussi|sur\ le\ même\ sujet|commentaires|
            mehr\ zum\ thema|ähnliche\ artikel|verwandte\ (?:artikel|themen)|kommentare|das\ könnte\ (?:sie|dich)\ auch\ interessieren
            )[\W_]*$",
        )
    });
    text.chars().count() <= 80 && END.is_match(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_the_article_are_told_from_its_sentences() {
        let dated = [
            "Published 2:16 AM EST Nov 20, 2019",
            "Thứ tư, 22/10/2025, 19:25 (GMT+7)",
            "Updated 11:21 pm CST, Tuesday, November 19, 2019",
            "05/10/2018 - Publicado por: Clarissa Borba",
            "Cập nhật: 2 giờ trước",
        ];
        for line in dated {
            assert!(is_dated(line, 60), "{line}");
        }
        for line in [
            "The court ruled on November 19, 2019 that the city has to pay for all of the damage which it had done.",
            "Ngày họp",
        ] {
            assert!(!is_dated(line, 60), "{line}");
        }
        for line in ["By Reuters", "Tác giả: Nguyễn Văn A", "Published 1 day ago"] {
            assert!(is_byline(line), "{line}");
        }
        for line in ["By noon the streets were empty.", "Byzantium"] {
            assert!(!is_byline(line), "{line}");
        }
    }

    #[test]
    fn words_of_the_page_are_no_text() {
        for line in [
            "Advertisement",
            "Continue Reading Below",
            "Image 1 of 13",
            "Sharing is caring!",
            "comments",
            "Chia sẻ",
            "Quảng cáo",
            "Subscribe to our newsletter for more",
            "Follow us on Twitter @a",
        ] {
            assert!(is_noise(line), "{line}");
        }
        for line in [
            "Comments by the mayor were few.",
            "Share prices fell.",
            "Video evidence was shown in court",
            "Print media are in decline.",
        ] {
            assert!(!is_noise(line), "{line}");
        }
        for line in [
            "About the Author",
            "Related posts",
            "Tin liên quan",
            "Các tin khác:",
            "You may also like:",
            "Trending",
        ] {
            assert!(is_end(line), "{line}");
        }
        assert!(
            introduces_other("Related: Possible plumes")
                && introduces_other("Xem thêm: Bài kia")
                && !introduces_other("Moreover, it rained.")
        );
        let credit = pattern(CREDIT);
        assert!(
            credit.is_match("Photo: John Locher, AP")
                && credit.is_match("(Credit: iStock)")
                && !credit.is_match("Photos of the event were shown.")
        );
    }
}
