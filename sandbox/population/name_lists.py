"""Given and family names per locale: the frequent ones by hand, most frequent first; the long tail from Faker's word lists.

No name belongs to a real person: they are combined at random.
"""

from __future__ import annotations

# Faker's lists are alphabetical in places, so frequency needs these heads.
COMMON_MALE: dict[str, str] = {
    "de_DE": "Michael Thomas Andreas Peter Stefan Christian Hans Klaus Maximilian Wolfgang Jürgen Alexander Johannes Lukas Jörg "
    "Tobias Matthias Sebastian Florian Günther Jan Felix Markus Björn Friedrich Mehmet Karl-Heinz Uwe Dieter Leon",
    "en_GB": "David John James Oliver William Thomas Robert Andrew Michael Christopher George Harry Jack Daniel Matthew Edward "
    "Joseph Richard Samuel Benjamin",
    "en_US": "James John Robert Michael William David Richard Joseph Thomas Christopher Charles Daniel Matthew Anthony Steven "
    "Andrew Joshua Kenneth Benjamin Nicholas José Edward",
    "fr_FR": "Jean Pierre Michel Philippe Alain Nicolas Christophe François Jean-Pierre Frédéric Éric Julien Sébastien Stéphane "
    "Benoît Jérôme Jean-Luc Rémi",
    "pl_PL": "Piotr Krzysztof Andrzej Tomasz Jan Paweł Michał Marcin Stanisław Jakub Adam Marek Łukasz Grzegorz Mateusz Wojciech",
    "tr_TR": "Mehmet Mustafa Ahmet Ali Hüseyin Hasan İbrahim İsmail Osman Yusuf Murat Ömer Ramazan Halil Süleyman Emre Çağlar Şükrü",
    "el_GR": "Γεώργιος Κωνσταντίνος Ιωάννης Δημήτριος Νικόλαος Παναγιώτης Βασίλειος Χρήστος Αθανάσιος Μιχαήλ Ευάγγελος Σπυρίδων",
    "ru_RU": "Александр Сергей Владимир Дмитрий Андрей Алексей Николай Иван Михаил Евгений Юрий Виктор Пётр Илья Максим",
    "uk_UA": "Олександр Володимир Сергій Микола Андрій Іван Василь Михайло Юрій Дмитро Петро Богдан Тарас Євген",
    "zh_CN": "伟 强 磊 军 勇 杰 涛 超 明 刚",
}
COMMON_FEMALE: dict[str, str] = {
    "de_DE": "Maria Sabine Petra Ursula Monika Andrea Susanne Claudia Katharina Elisabeth Anna Julia Stefanie Sandra Ingrid Nicole "
    "Birgit Anne-Marie Käthe Lena Sophie Jana Ayşe Brigitte Renate Gisela Christine Franziska Johanna Magdalena",
    "en_GB": "Margaret Susan Sarah Elizabeth Emily Olivia Charlotte Catherine Victoria Jennifer Emma Amelia Rebecca Rachel Helen "
    "Patricia Joanne Alexandra Jessica Katherine",
    "en_US": "Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Margaret Kimberly Deborah Katherine Christine "
    "Rebecca Samantha Catherine Victoria Abigail María",
    "fr_FR": "Marie Nathalie Isabelle Sylvie Catherine Françoise Monique Élisabeth Anne-Sophie Céline Chloé Zoé Camille Hélène "
    "Marie-Claude Aurélie",
    "pl_PL": "Anna Maria Katarzyna Małgorzata Agnieszka Barbara Ewa Krystyna Elżbieta Aleksandra Zofia Joanna Magdalena Teresa "
    "Monika Agata",
    "tr_TR": "Fatma Ayşe Emine Hatice Zeynep Elif Meryem Şerife Sultan Hanife Merve Özlem Gülşen Büşra",
    "el_GR": "Μαρία Ελένη Αικατερίνη Βασιλική Σοφία Αγγελική Γεωργία Δήμητρα Κωνσταντίνα Παναγιώτα Ευαγγελία Ιωάννα",
    "ru_RU": "Елена Татьяна Наталья Ольга Ирина Анна Светлана Мария Екатерина Анастасия Юлия Людмила Ксения Дарья",
    "uk_UA": "Олена Наталія Тетяна Марія Оксана Ірина Юлія Анна Катерина Ганна Людмила Соломія",
    "zh_CN": "芳 娜 敏 静 丽 秀英 艳 娟 霞 秀兰",
}
COMMON_LAST: dict[str, str] = {
    "de_DE": "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder "
    "Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Werner Krause Lehmann Köhler Maier Groß Weiß Yılmaz",
    "en_GB": "Smith Jones Williams Taylor Brown Davies Evans Wilson Thomas Roberts Johnson Walker Wright Robinson Thompson White Hughes "
    "Edwards Green O'Brien Khan Patel MacDonald",
    "en_US": "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson Thomas "
    "Taylor Moore Jackson Martin O'Connor Nguyen Kim",
    "fr_FR": "Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefèvre Leroy Roux Girard Fournier "
    "Lefebvre Mercier Guérin Benoît Lévêque",
    "pl_PL": "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Kozłowski",
    "tr_TR": "Yılmaz Kaya Demir Çelik Şahin Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt Özkan "
    "Şimşek Polat Korkmaz Özcan Çakır Erdoğan Güneş Aktaş Bulut Keskin Ünal Turan Gül Avcı Işık Güler Acar Taş Aksoy Tekin",
    "el_GR": "Παπαδόπουλος Βλάχος Αγγελόπουλος Νικολαΐδης Γεωργίου Δημητρίου Παπανικολάου Παπαγεωργίου Καραγιάννης Οικονόμου",
    "ru_RU": "Иванов Смирнов Кузнецов Попов Васильев Петров Соколов Михайлов Новиков Фёдоров Морозов Волков Чайковский Щербаков",
    "uk_UA": "Мельник Шевченко Бондаренко Коваленко Бойко Ткаченко Кравченко Ковальчук Коваль Олійник Шевчук Поліщук Іванова",
}

# Given names beside Faker's, as (written, reading, Latin).
JAPANESE_MALE = (
    "健太:ケンタ:Kenta 翔太:ショウタ:Shota 大輔:ダイスケ:Daisuke 隆:タカシ:Takashi 誠:マコト:Makoto 浩:ヒロシ:Hiroshi 裕太:ユウタ:Yuta "
    "亮:リョウ:Ryo 大翔:ヒロト:Hiroto 蓮:レン:Ren 拓海:タクミ:Takumi 陽斗:ハルト:Haruto 健一:ケンイチ:Kenichi 正:タダシ:Tadashi"
)
JAPANESE_FEMALE = (
    "陽菜:ヒナ:Hina 結衣:ユイ:Yui 葵:アオイ:Aoi 美咲:ミサキ:Misaki 愛:アイ:Ai 恵:メグミ:Megumi 由美子:ユミコ:Yumiko 幸子:サチコ:Sachiko "
    "和子:カズコ:Kazuko 香織:カオリ:Kaori 真由美:マユミ:Mayumi 智子:トモコ:Tomoko 優子:ユウコ:Yuko 凛:リン:Rin"
)
JAPANESE_LAST = (
    "大野:オオノ:Ono 菊地:キクチ:Kikuchi 杉山:スギヤマ:Sugiyama 平野:ヒラノ:Hirano 久保:クボ:Kubo 千葉:チバ:Chiba 桜井:サクライ:Sakurai "
    "野口:ノグチ:Noguchi 松尾:マツオ:Matsuo 菅原:スガワラ:Sugawara 木下:キノシタ:Kinoshita 新井:アライ:Arai 古川:フルカワ:Furukawa "
    "島田:シマダ:Shimada 水野:ミズノ:Mizuno 高田:タカダ:Takada 大塚:オオツカ:Otsuka 河野:コウノ:Kono 星野:ホシノ:Hoshino 上田:ウエダ:Ueda"
)
# Arabic writes no short vowels, so the Latin forms are listed: the first is the usual one.
ARABIC_MALE = (
    "محمد:Mohammed:Muhammad:Mohamed أحمد:Ahmed:Ahmad علي:Ali:Aly عبدالله:Abdullah:Abdallah عمر:Omar:Umar خالد:Khalid:Khaled "
    "يوسف:Yousef:Yusuf:Youssef إبراهيم:Ibrahim:Ebrahim حسن:Hassan:Hasan حسين:Hussein:Husain سعيد:Saeed:Said فهد:Fahad:Fahd "
    "سلطان:Sultan عبدالرحمن:Abdulrahman:Abdelrahman عبدالعزيز:Abdulaziz:Abdelaziz ماجد:Majed:Majid طارق:Tariq:Tarek كريم:Karim:Kareem "
    "زياد:Ziad:Ziyad بدر:Badr:Bader نايف:Naif:Nayef ناصر:Nasser:Naser مصطفى:Mustafa:Mostafa محمود:Mahmoud:Mahmood سامي:Sami:Samy "
    "وليد:Walid:Waleed رامي:Rami:Ramy عادل:Adel:Adil فيصل:Faisal:Faysal تركي:Turki أنس:Anas حمزة:Hamza:Hamzah"
)
ARABIC_FEMALE = (
    "فاطمة:Fatima:Fatimah عائشة:Aisha:Aysha مريم:Maryam:Mariam نورة:Noura:Nora سارة:Sara:Sarah ليلى:Layla:Leila هند:Hind أمل:Amal "
    "هدى:Huda:Hoda منى:Mona:Muna ريم:Reem:Rim دانة:Dana رانيا:Rania:Raniya زينب:Zainab:Zeinab خديجة:Khadija:Khadijah سلمى:Salma "
    "ياسمين:Yasmin:Yasmeen لمى:Lama جميلة:Jamila:Jameela نادية:Nadia:Nadiya سميرة:Samira:Sameera إيمان:Iman:Eman"
)
ARABIC_LAST = (
    "العتيبي:Al-Otaibi:Alotaibi القحطاني:Al-Qahtani:Alqahtani الغامدي:Al-Ghamdi:Alghamdi الحربي:Al-Harbi:Alharbi "
    "الزهراني:Al-Zahrani:Alzahrani الشمري:Al-Shammari:Alshammari الدوسري:Al-Dosari:Aldossary المطيري:Al-Mutairi:Almutairi "
    "الشهري:Al-Shehri:Alshehri العنزي:Al-Anazi:Alenezi السبيعي:Al-Subaie:Alsubaie الرشيد:Al-Rasheed:Alrashid الخطيب:Al-Khatib:Elkhatib "
    "حداد:Haddad منصور:Mansour:Mansoor صالح:Saleh:Salih حمدان:Hamdan عباس:Abbas الأحمد:Al-Ahmad:Alahmad النجار:Al-Najjar:Elnaggar "
    "الشريف:Al-Sharif:Elsherif عثمان:Othman:Osman بكر:Bakr:Baker سليمان:Suleiman:Sulaiman خليل:Khalil:Khaleel يعقوب:Yaqoub:Yacoub "
    "الفارسي:Al-Farsi:Alfarsi البلوشي:Al-Balushi:Albalushi المنصوري:Al-Mansoori:Almansouri الهاشمي:Al-Hashimi:Alhashmi عيسى:Issa:Essa"
)

# What people are called by those who know them: formal → everyday.
NICKNAMES: dict[str, str] = {
    "de": "Maximilian:Max Johannes:Hannes:Hans Alexander:Alex Sebastian:Basti Katharina:Kathi:Katja Elisabeth:Lisa:Elli Johanna:Hanna "
    "Magdalena:Lena Franziska:Franzi Michael:Michi Matthias:Matze Andreas:Andi Stefanie:Steffi Susanne:Susi Günther:Günni "
    "Friedrich:Fritz Wolfgang:Wolfi Christine:Tina Tobias:Tobi Thomas:Tom Nicole:Nicki",
    "en": "William:Bill:Will Robert:Bob:Rob Richard:Dick:Rick James:Jim:Jamie John:Jack Thomas:Tom Michael:Mike Christopher:Chris "
    "Edward:Ted:Ed Elizabeth:Liz:Beth:Betty Margaret:Maggie:Peggy Katherine:Kate:Kathy Catherine:Cathy:Kate Patricia:Pat:Trish "
    "Jennifer:Jenny:Jen Rebecca:Becky Deborah:Debbie Susan:Sue Victoria:Vicky Alexandra:Alex:Sandra Samantha:Sam Samuel:Sam "
    "Benjamin:Ben Daniel:Dan Matthew:Matt Joseph:Joe Andrew:Andy:Drew Anthony:Tony Steven:Steve Kenneth:Ken Charles:Charlie:Chuck "
    "Nicholas:Nick Joshua:Josh Jessica:Jess Kimberly:Kim Abigail:Abby Christine:Chris:Tina David:Dave",
    "fr": "Frédéric:Fred Christophe:Chris Nicolas:Nico Sébastien:Seb Stéphane:Steph Catherine:Cathy Élisabeth:Babeth Isabelle:Isa "
    "Philippe:Phil Nathalie:Nath",
    "pl": "Katarzyna:Kasia Małgorzata:Gosia Agnieszka:Aga Aleksandra:Ola Elżbieta:Ela Barbara:Basia Krzysztof:Krzysiek Tomasz:Tomek "
    "Grzegorz:Grzesiek Jakub:Kuba Stanisław:Staszek Zofia:Zosia Joanna:Asia Magdalena:Magda Andrzej:Jędrek",
    "tr": "Mehmet:Memo Mustafa:Mıstık İbrahim:İbo Süleyman:Sülo Fatma:Fatoş Hatice:Hatçe",
    "el": "Γεώργιος:Γιώργος Κωνσταντίνος:Κώστας Ιωάννης:Γιάννης Δημήτριος:Δημήτρης Νικόλαος:Νίκος Παναγιώτης:Πάνος Βασίλειος:Βασίλης "
    "Αθανάσιος:Θανάσης Ευάγγελος:Βαγγέλης Αικατερίνη:Κατερίνα Βασιλική:Βάσω Κωνσταντίνα:Ντίνα Ευαγγελία:Λία Σπυρίδων:Σπύρος",
    "ru": "Александр:Саша Сергей:Серёжа Владимир:Вова Дмитрий:Дима Алексей:Лёша Николай:Коля Иван:Ваня Михаил:Миша Евгений:Женя "
    "Елена:Лена Татьяна:Таня Наталья:Наташа Екатерина:Катя Анастасия:Настя Светлана:Света Мария:Маша",
    "uk": "Олександр:Сашко Володимир:Володя Микола:Коля Михайло:Мишко Дмитро:Діма Олена:Оленка Наталія:Наталка Катерина:Катя Оксана:Ксеня",
}
