"""Countries, cities and streets per locale. Cities are real so that post codes fit; streets and numbers are drawn at random."""

from __future__ import annotations

# city | other or Latin name | region | Latin region | first characters of its post codes
CITIES: dict[str, str] = {
    "de_DE": """Berlin||Berlin||10;Hamburg||Hamburg||20;München|Munich|Bayern||80;Köln|Cologne|Nordrhein-Westfalen||50
Frankfurt am Main|Frankfurt/Main|Hessen||60;Stuttgart||Baden-Württemberg||70;Düsseldorf|Duesseldorf|Nordrhein-Westfalen||40
Leipzig||Sachsen||04;Dortmund||Nordrhein-Westfalen||44;Bremen||Bremen||28;Dresden||Sachsen||01;Hannover|Hanover|Niedersachsen||30
Nürnberg|Nuremberg|Bayern||90;Münster|Muenster|Nordrhein-Westfalen||48;Freiburg im Breisgau|Freiburg|Baden-Württemberg||79
Göttingen|Goettingen|Niedersachsen||37;Würzburg|Wuerzburg|Bayern||97;Kiel||Schleswig-Holstein||24;Mainz||Rheinland-Pfalz||55
Saarbrücken|Saarbruecken|Saarland||66""",
    "en_GB": """London||Greater London||SW;Birmingham||West Midlands||B;Manchester||Greater Manchester||M;Leeds||West Yorkshire||LS
Glasgow||Glasgow City||G;Liverpool||Merseyside||L;Bristol||Bristol||BS;Edinburgh||City of Edinburgh||EH;Cardiff||Cardiff||CF
Newcastle upon Tyne|Newcastle|Tyne and Wear||NE;Nottingham||Nottinghamshire||NG;Kingston upon Hull|Hull|East Yorkshire||HU
Norwich||Norfolk||NR;Oxford||Oxfordshire||OX;York||North Yorkshire||YO""",
    "en_US": """New York|NYC|NY||100;Los Angeles|LA|CA||900;Chicago||IL||606;Houston||TX||770;Phoenix||AZ||850;Philadelphia||PA||191
San Antonio||TX||782;San Diego||CA||921;Dallas||TX||752;Austin||TX||787;Seattle||WA||981;Denver||CO||802;Boston||MA||021
Saint Louis|St. Louis|MO||631;Portland||OR||972;Portland||ME||041;Springfield||IL||627;Springfield||MA||011;Atlanta||GA||303
Minneapolis||MN||554""",
    "fr_FR": """Paris||Île-de-France||75;Marseille||Provence-Alpes-Côte d'Azur||13;Lyon||Auvergne-Rhône-Alpes||69
Toulouse||Occitanie||31;Nice||Provence-Alpes-Côte d'Azur||06;Nantes||Pays de la Loire||44;Strasbourg||Grand Est||67
Montpellier||Occitanie||34;Bordeaux||Nouvelle-Aquitaine||33;Lille||Hauts-de-France||59;Rennes||Bretagne||35
Saint-Étienne|St-Etienne|Auvergne-Rhône-Alpes||42;Orléans|Orleans|Centre-Val de Loire||45;Besançon|Besancon|Bourgogne-Franche-Comté||25""",
    "pl_PL": """Warszawa|Warsaw|mazowieckie||00;Kraków|Cracow|małopolskie||30;Łódź|Lodz|łódzkie||90;Wrocław|Wroclaw|dolnośląskie||50
Poznań|Poznan|wielkopolskie||60;Gdańsk|Gdansk|pomorskie||80;Szczecin||zachodniopomorskie||70;Lublin||lubelskie||20
Białystok|Bialystok|podlaskie||15;Rzeszów|Rzeszow|podkarpackie||35;Toruń|Torun|kujawsko-pomorskie||87""",
    "tr_TR": """İstanbul|Istanbul|İstanbul|Istanbul|34;Ankara||Ankara||06;İzmir|Izmir|İzmir|Izmir|35;Bursa||Bursa||16
Antalya||Antalya||07;Adana||Adana||01;Konya||Konya||42;Gaziantep||Gaziantep||27;Eskişehir|Eskisehir|Eskişehir|Eskisehir|26
Diyarbakır|Diyarbakir|Diyarbakır|Diyarbakir|21;Muğla|Mugla|Muğla|Mugla|48""",
    "el_GR": """Αθήνα|Athens|Αττική|Attica|10;Θεσσαλονίκη|Thessaloniki|Κεντρική Μακεδονία|Central Macedonia|54
Πάτρα|Patras|Δυτική Ελλάδα|Western Greece|26;Ηράκλειο|Heraklion|Κρήτη|Crete|71;Λάρισα|Larissa|Θεσσαλία|Thessaly|41
Βόλος|Volos|Θεσσαλία|Thessaly|38;Ιωάννινα|Ioannina|Ήπειρος|Epirus|45;Χανιά|Chania|Κρήτη|Crete|73""",
    "ru_RU": """Москва|Moscow|Москва|Moscow|10;Санкт-Петербург|Saint Petersburg|Санкт-Петербург|Saint Petersburg|19
Новосибирск|Novosibirsk|Новосибирская область|Novosibirsk Oblast|63;Екатеринбург|Yekaterinburg|Свердловская область|Sverdlovsk Oblast|62
Казань|Kazan|Татарстан|Tatarstan|42;Самара|Samara|Самарская область|Samara Oblast|44;Воронеж|Voronezh|Воронежская область|Voronezh Oblast|39
Пермь|Perm|Пермский край|Perm Krai|61""",
    "uk_UA": """Київ|Kyiv|Київ|Kyiv|01;Харків|Kharkiv|Харківська область|Kharkiv Oblast|61;Одеса|Odesa|Одеська область|Odesa Oblast|65
Дніпро|Dnipro|Дніпропетровська область|Dnipropetrovsk Oblast|49;Львів|Lviv|Львівська область|Lviv Oblast|79
Вінниця|Vinnytsia|Вінницька область|Vinnytsia Oblast|21;Чернівці|Chernivtsi|Чернівецька область|Chernivtsi Oblast|58""",
    "ja_JP": """渋谷区|Shibuya-ku|東京都|Tokyo|150;新宿区|Shinjuku-ku|東京都|Tokyo|160;横浜市|Yokohama|神奈川県|Kanagawa|220
大阪市|Osaka|大阪府|Osaka|530;名古屋市|Nagoya|愛知県|Aichi|450;札幌市|Sapporo|北海道|Hokkaido|060;福岡市|Fukuoka|福岡県|Fukuoka|810
京都市|Kyoto|京都府|Kyoto|600;神戸市|Kobe|兵庫県|Hyogo|650;仙台市|Sendai|宮城県|Miyagi|980""",
    "zh_CN": """北京市|Beijing|北京市|Beijing|100;上海市|Shanghai|上海市|Shanghai|200;广州市|Guangzhou|广东省|Guangdong|510
深圳市|Shenzhen|广东省|Guangdong|518;成都市|Chengdu|四川省|Sichuan|610;杭州市|Hangzhou|浙江省|Zhejiang|310
武汉市|Wuhan|湖北省|Hubei|430;西安市|Xi'an|陕西省|Shaanxi|710;南京市|Nanjing|江苏省|Jiangsu|210""",
    "ar_SA": """الرياض|Riyadh|منطقة الرياض|Riyadh Province|12;جدة|Jeddah|منطقة مكة المكرمة|Makkah Province|23
مكة المكرمة|Mecca|منطقة مكة المكرمة|Makkah Province|24;المدينة المنورة|Medina|منطقة المدينة المنورة|Medina Province|42
الدمام|Dammam|المنطقة الشرقية|Eastern Province|32;أبها|Abha|منطقة عسير|Asir|62""",
}

STREETS: dict[str, str] = {
    "de_DE": "Hauptstraße;Bahnhofstraße;Gartenstraße;Schillerstraße;Goethestraße;Am Markt;Lindenweg;Kirchgasse;Bergstraße;Waldweg;"
    "Rosenweg;Mühlenstraße;Friedrichstraße;Kaiserallee;Schlossplatz;An der Alten Brücke",
    "en_GB": "High Street;Station Road;Church Lane;Victoria Road;Park Avenue;Mill Lane;Queens Drive;The Green;Manor Road;Kings Close",
    "en_US": "Main Street;Oak Avenue;Maple Drive;Washington Street;Park Avenue;Cedar Lane;2nd Street;Lake Road;Hillcrest Boulevard;"
    "Sunset Court;Elm Street;N Jefferson Avenue",
    "fr_FR": "rue de la République;avenue Victor Hugo;rue Jean Jaurès;boulevard Voltaire;place de l'Église;rue des Écoles;"
    "chemin du Moulin;rue Pasteur;avenue de la Gare;impasse des Lilas",
    "tr_TR": "Atatürk Caddesi;İnönü Caddesi;Cumhuriyet Bulvarı;Gül Sokak;Çınar Sokak;Bağdat Caddesi;Lale Sokak;Mimar Sinan Caddesi;"
    "Fevzi Çakmak Caddesi;Zafer Sokak",
    "el_GR": "Ερμού;Σταδίου;Πανεπιστημίου;Τσιμισκή;Αριστοτέλους;Βενιζέλου;Καραϊσκάκη;Κολοκοτρώνη;Μακεδονίας;Σόλωνος;Πατησίων",
    "uk_UA": "вулиця Шевченка;вулиця Франка;вулиця Лесі Українки;проспект Миру;вулиця Садова;вулиця Грушевського;вулиця Соборна;"
    "вулиця Героїв;проспект Свободи;вулиця Зелена",
    "ja_JP": "神宮前|Jingumae;本町|Honcho;中央|Chuo;栄|Sakae;大手町|Otemachi;桜木町|Sakuragicho;天神|Tenjin;緑町|Midoricho;"
    "旭町|Asahicho;富士見|Fujimi",
    "zh_CN": "人民路|Renmin Road;中山路|Zhongshan Road;解放路|Jiefang Road;建设路|Jianshe Road;和平街|Heping Street;长江路|Changjiang Road;"
    "新华街|Xinhua Street;文化路|Wenhua Road",
    "ar_SA": "شارع الملك فهد|King Fahd Road;شارع الملك عبدالعزيز|King Abdulaziz Street;شارع التحلية|Tahlia Street;شارع العليا|Olaya Street;"
    "شارع الأمير سلطان|Prince Sultan Street;طريق المدينة|Madinah Road;شارع الستين|Siteen Street",
}

# How staff abbreviate streets, as (long, short).
STREET_SHORT: tuple[tuple[str, str], ...] = (
    ("straße", "str."), ("Straße", "Str."), (" Street", " St"), (" Road", " Rd"), (" Avenue", " Ave"), (" Boulevard", " Blvd"),
    (" Drive", " Dr"), (" Lane", " Ln"), (" Court", " Ct"), ("avenue ", "av. "), ("boulevard ", "bd "), ("ulica ", "ul. "),
    (" Caddesi", " Cad."), (" Sokak", " Sk."), (" Bulvarı", " Blv."), ("улица ", "ул. "), ("вулиця ", "вул. "), ("проспект ", "пр. "),
)  # fmt: skip

# What stands in a country field that people type.
COUNTRY_NAMES: dict[str, tuple[str, ...]] = {
    "DE": ("Germany", "Deutschland", "DE", "germany"), "GB": ("United Kingdom", "UK", "England", "GB", "Great Britain"),
    "US": ("United States", "USA", "US", "U.S.A."), "FR": ("France", "FR", "FRANCE"), "PL": ("Poland", "Polska", "PL"),
    "TR": ("Turkey", "Türkiye", "TR"), "GR": ("Greece", "Ελλάδα", "GR"), "RU": ("Russia", "Russian Federation", "Россия", "RU"),
    "UA": ("Ukraine", "Україна", "UA"), "JP": ("Japan", "日本", "JP"), "CN": ("China", "中国", "CN"),
    "SA": ("Saudi Arabia", "KSA", "السعودية", "SA"),
}  # fmt: skip
